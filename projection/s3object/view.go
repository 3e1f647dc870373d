package s3object

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
)

// The metadata of an object.
const (
	stampName = "stamp"  // of the head that it shows
	sumName   = "sha256" // of the bytes: metadata can outlive an edit
)

type view struct {
	p    *Projection
	read map[events.RecordKey]shown
}

// shown is what an object showed when it was read.
type shown struct {
	store.Observed
	etag  blob.ETag     // "" where there was no object
	stamp store.Version // "" where a person wrote it
}

func (v *view) Observed(k events.RecordKey) store.Observed { return v.read[k].Observed }

func (v *view) ExternallyEdited() ([]events.RecordKey, bool) { return nil, false }

func (v *view) Fits(store.Record) error { return nil }

// Write writes each object on its own, and goes on after a failure.
func (v *view) Write(ctx context.Context, heads []store.Record, _ int64) (int64, error) {
	return 0, each(len(heads), func(i int) error { return v.write(ctx, &heads[i]) })
}

func (v *view) write(ctx context.Context, h *store.Record) error {
	was, name := v.read[h.Key], v.p.Object(h.Ref)
	switch {
	case h.Deleted && was.etag == "":
		return nil
	case h.Deleted:
		return v.p.bucket.Delete(ctx, name, blob.Condition{IfMatch: was.etag})
	case was.stamp == h.Version:
		return nil // an earlier attempt got as far as this
	}
	data, err := encode(h.Data)
	if err != nil {
		return err
	}
	metadata := map[string]string{stampName: string(h.Version), sumName: sumOf(data)}
	_, err = v.p.bucket.Put(ctx, name, data, metadata, blob.Condition{IfMatch: was.etag, IfNone: was.etag == ""})
	return err
}

func encode(record jsontext.Value) ([]byte, error) {
	data := record.Clone()
	err := data.Format(jsontext.Multiline(true), jsontext.WithIndent("  "), jsontext.ReorderRawObjects(true))
	return append(data, '\n'), err
}

func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// decode reads an object. What we wrote is not looked at any closer.
func decode(o blob.Object, k events.RecordKey, l store.Layout) shown {
	s := shown{etag: o.ETag, Observed: store.Observed{Data: o.Data}}
	if o.Metadata[sumName] == sumOf(o.Data) && o.Metadata[stampName] != "" {
		s.Managed, s.stamp = true, store.Version(o.Metadata[stampName])
		return s
	}
	s.Data = jsontext.Value(o.Data).Clone()
	if s.Err = check(o, k, l); s.Err == nil {
		s.Err = s.Data.Compact()
	}
	if s.Err != nil {
		s.Data = nil
	}
	return s
}

// check verifies that what a person wrote is the record that its name says.
func check(o blob.Object, k events.RecordKey, l store.Layout) error {
	var members map[string]jsontext.Value
	if err := events.Unmarshal(o.Key, o.Data, &members); err != nil {
		return located(o, err)
	}
	raw, ok := members[l.KeyField]
	if !ok || members == nil {
		return fault.Errorf(fault.Invalid, "%s: the member %q is missing; it must be %s", o.Key, l.KeyField, k.Value(l.IntegerKey))
	}
	if got, err := events.KeyOf(raw, l.IntegerKey); err != nil || got != k {
		return fault.Errorf(fault.Invalid, "%s: the member %q must be %s, as the object's name says", o.Key, l.KeyField, k.Value(l.IntegerKey))
	}
	return nil
}

// each runs f for every index, some at a time, and waits. Of several errors it
// answers a Precondition last: another error must not be hidden by what is
// cured by reading again.
func each(n int, f func(i int) error) error {
	const atOnce = 8
	if n == 1 {
		return f(0)
	}
	var group sync.WaitGroup
	errs := make([]error, n)
	tokens := make(chan struct{}, atOnce)
	for i := range n {
		tokens <- struct{}{}
		group.Go(func() {
			errs[i] = f(i)
			<-tokens
		})
	}
	group.Wait()
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || fault.Is(first, fault.Precondition)) {
			first = err
		}
	}
	return first
}
