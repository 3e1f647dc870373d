package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/store"
)

type counter struct{ n atomic.Int64 }

func (c *counter) add()       { c.n.Add(1) }
func (c *counter) value() int { return int(c.n.Load()) }

// startDelayed starts a projection of the record by another process, and blocks that
// process just before its write or delete. The function it returns unblocks the process
// and waits for its end.
func (fx *projectionFixture) startDelayed(r store.Ref, op string) (release func()) {
	fx.t.Helper()
	reached, proceed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	slow := &faultyBucket{Bucket: fx.direct, fail: func(string) error { return nil }}
	slow.hold = func(got string) {
		if got == op && once.CompareAndSwap(false, true) {
			close(reached)
			<-proceed
		}
	}
	s := fx.storeOver(slow)
	go func() {
		defer close(done)
		_, err := s.Project(ctx, r) // the test requires that it saves no progress
		if err != nil {
			fx.t.Errorf("the late projection: %v", err)
		}
	}()
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		fx.t.Fatal("the late projection did not reach its " + op)
	}
	return func() { close(proceed); <-done }
}

// A process is delayed before its write while other processes change and project the
// record. Its write must be overwritten.
func testDelayedWrite(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.commit(fx.change(pet, "two", events.Put, fx.find(pet), document(2)))
	release := fx.startDelayed(pet, "put")
	fx.relay()
	fx.do(pet, "three", events.Put, document(3))
	release()
	fx.wantProjected(pet, document(3))
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, document(3))
}

// S3 computes an ETag from the bytes only. For a process that has read document 1, the
// condition of its write is true again when another process has written document 1 once
// more. The recheck detects this.
func testDelayedWriteOfEqualBytes(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.commit(fx.change(pet, "two", events.Put, fx.find(pet), document(2)))
	release := fx.startDelayed(pet, "put")
	fx.relay()
	fx.do(pet, "three", events.Put, document(1))
	release()
	for range 2 { // the ledger's record is returned, whatever the object holds
		record := fx.find(pet)
		if !store.Equal(record.Data, []byte(document(1))) || record.Revision != 3 {
			t.Fatalf("read %s, revision %d", record.Data, record.Revision)
		}
	}
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, document(1))
	want(t, "revision", fx.find(pet).Revision, 3)
}

func testDelayedDelete(t *testing.T, h ProjectionHarness) {
	op := "delete"
	if h.Backend == events.CSV {
		op = "put"
	}
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.commit(fx.change(pet, "two", events.Delete, fx.find(pet), ""))
	release := fx.startDelayed(pet, op)
	fx.relay()
	fx.do(pet, "three", events.Post, document(1))
	release()
	if !h.Unconditional {
		fx.wantObject(pet, document(1))
	}
	record := fx.find(pet)
	if record.Deleted || record.Revision != 3 {
		t.Fatalf("the record is gone: %+v", record)
	}
	if listed, err := fx.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 1 {
		t.Fatalf("listed %v, %v", listed, err)
	}
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, document(1))
	want(t, "revision", fx.find(pet).Revision, 3)
}

// A POST reads the object, which is absent. Then another process commits the record,
// writes the object, and crashes before it saves progress, so the POST is rejected. What
// the POST has read is out of date when the record is deleted.
func testDeleteAfterRejectedPost(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	b := &afterGet{Bucket: fx.direct}
	s := fx.storeOver(b)
	b.do = func() {
		fx.commit(fx.change(pet, "post", events.Post, store.Record{}, document(1)))
		if _, err := fx.Project(ctx, pet); err != nil { // without SaveProgress
			t.Error(err)
		}
	}
	_, err := s.Commit(ctx, fx.change(pet, "lost", events.Post, store.Record{}, document(2)))
	if _, conflict := errors.AsType[*store.VersionConflict](err); !conflict {
		t.Fatalf("the POST that lost: %v, want a version conflict", err)
	}
	fx.wantObject(pet, document(1))
	prior, err := s.Get(ctx, pet)
	if err != nil || !prior.Unprojected {
		t.Fatalf("read %+v, %v, want an unprojected record", prior, err)
	}
	if _, err := applyAndProject(s, fx.change(pet, "delete", events.Delete, prior, "")); err != nil {
		t.Fatal(err)
	}
	fx.wantObject(pet, "")
	fx.relay()
	fx.wantProjected(pet, "")
}

// An afterGet calls do once, after the next Get.
type afterGet struct {
	blob.Bucket
	do func()
}

func (b *afterGet) Get(ctx context.Context, key string, known blob.ETag) (blob.Object, error) {
	o, err := b.Bucket.Get(ctx, key, known)
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return o, err
}

func testUnprojectedRecordIsRead(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.commit(fx.change(pet, "two", events.Put, fx.find(pet), document(2)))
	if got := fx.find(pet); !store.Equal(got.Data, []byte(document(2))) || !got.Unprojected {
		t.Errorf("read %s, unprojected %v", got.Data, got.Unprojected)
	}
	fx.wantObject(pet, document(1))
	listed, err := fx.List(ctx, pet.Collection, "", 10)
	if err != nil || len(listed) != 1 || !store.Equal(listed[0].Data, []byte(document(2))) {
		t.Errorf("listed %v, %v", listed, err)
	}
	fx.commit(fx.change(pet, "three", events.Delete, fx.find(pet), ""))
	if listed, err := fx.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 0 {
		t.Errorf("listed %v, %v of a record that is deleted", listed, err)
	}
	fx.do(ref("acme", "petstore", "other"), "four", events.Post, `{"id":"other"}`)
	fx.relay()
	fx.wantProjected(pet, "")
}

func testProjectionList(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	var all []string
	for i := range 12 {
		r := ref("acme", "petstore", named("k", i))
		data := fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i)
		switch {
		case i%4 == 3:
			fx.edit(r, data)
		default:
			fx.do(r, named("m", i), events.Post, data)
		}
		if i == 5 {
			fx.do(r, "gone", events.Delete, "")
			continue
		}
		all = append(all, string(r.Key))
	}
	for limit := 1; limit < 14; limit += 3 {
		var got []string
		for after := events.RecordKey(""); ; {
			page, err := fx.List(ctx, pet.Collection, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d listed, %v, at most %d", len(page), err, limit)
			}
			if len(page) == 0 {
				break
			}
			for _, record := range page {
				got = append(got, string(record.Key))
			}
			after = page[len(page)-1].Key
		}
		if fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("by %d: %v, want %v", limit, got, all)
		}
	}
	if listed, err := fx.List(ctx, ref("other", "petstore", "x").Collection, "", 10); err != nil || len(listed) != 0 {
		t.Errorf("another tenant's: %v, %v", listed, err)
	}
}

func contains(err error, part string) bool { return strings.Contains(err.Error(), part) }
