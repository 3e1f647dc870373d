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
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// The metadata of an object.
const (
	versionName = "stamp"  // the version of the record
	sumName     = "sha256" // of the bytes, because an external edit can keep the metadata
)

type view struct {
	p    *Projection
	read map[events.RecordKey]observedObject
}

// An observedObject is an object as it was read.
type observedObject struct {
	projection.Observed
	etag    blob.ETag     // "" if there was no object
	version store.Version // "" if the object is an external edit
}

func (v *view) Observed(k events.RecordKey) projection.Observed { return v.read[k].Observed }

func (v *view) ExternallyEdited() ([]events.RecordKey, bool) { return nil, false }

func (v *view) Fits(store.Record) error { return nil }

// Write writes each object separately, and continues after an error.
func (v *view) Write(ctx context.Context, records []store.Record, _ int64) (int64, error) {
	return 0, forEach(len(records), func(i int) error { return v.write(ctx, &records[i]) })
}

func (v *view) write(ctx context.Context, h *store.Record) error {
	before, name := v.read[h.Key], v.p.Object(h.Ref)
	switch {
	case h.Deleted && before.etag == "":
		return nil
	case h.Deleted:
		return v.p.bucket.Delete(ctx, name, blob.Condition{IfMatch: before.etag})
	case before.version == h.Version:
		return nil // an earlier attempt has written it
	}
	data, err := encode(h.Data)
	if err != nil {
		return err
	}
	metadata := map[string]string{versionName: string(h.Version), sumName: sumOf(data)}
	_, err = v.p.bucket.Put(ctx, name, data, metadata, blob.Condition{IfMatch: before.etag, IfNone: before.etag == ""})
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

// decode reads an object. It validates the data only if the object is an external
// edit.
func decode(o blob.Object, k events.RecordKey, l projection.Layout) observedObject {
	s := observedObject{etag: o.ETag, Observed: projection.Observed{Data: o.Data}}
	if o.Metadata[sumName] == sumOf(o.Data) && o.Metadata[versionName] != "" {
		s.Managed, s.version = true, store.Version(o.Metadata[versionName])
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

// check verifies that an externally edited object is a record with the key in its name.
func check(o blob.Object, k events.RecordKey, l projection.Layout) error {
	var members map[string]jsontext.Value
	if err := events.Unmarshal(o.Key, o.Data, &members); err != nil {
		return withPosition(o, err)
	}
	raw, ok := members[l.KeyField]
	if !ok || members == nil {
		return fault.Errorf(fault.Invalid, "%s: the member %q is missing; it must be %s", o.Key, l.KeyField, k.Value(l.IntegerKey))
	}
	if got, err := events.KeyOf(raw, l.IntegerKey); err != nil || got != k {
		return fault.Errorf(fault.Invalid, "%s: the member %q must be %s, the key in the object's name", o.Key, l.KeyField, k.Value(l.IntegerKey))
	}
	return nil
}

// forEach runs f for every index, several concurrently, and waits for all. Of several
// errors it returns one that is not Precondition, if there is one: the caller handles
// Precondition by reading again, which must not hide other errors.
func forEach(n int, f func(i int) error) error {
	const maxConcurrent = 8
	if n == 1 {
		return f(0)
	}
	var group sync.WaitGroup
	errs := make([]error, n)
	tokens := make(chan struct{}, maxConcurrent)
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
