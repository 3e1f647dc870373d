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

// late starts a projection of the record by a process that is held up just
// before its write or delete takes place, and returns what lets it go on and
// waits for it.
func (hs *house) late(r store.Ref, op string) (release func()) {
	hs.t.Helper()
	reached, proceed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	slow := &faultyBucket{Bucket: hs.person, fail: func(string) error { return nil }}
	slow.hold = func(got string) {
		if got == op && once.CompareAndSwap(false, true) {
			close(reached)
			<-proceed
		}
	}
	s := hs.storeOver(slow)
	go func() {
		defer close(done)
		_, err := s.Project(ctx, r) // it must not save progress: that is the point
		if err != nil {
			hs.t.Errorf("the late projection: %v", err)
		}
	}()
	select {
	case <-reached:
	case <-time.After(10 * time.Second):
		hs.t.Fatal("the late projection never came to its " + op)
	}
	return func() { close(proceed); <-done }
}

// A helper is held up before its write; meanwhile others change the record and
// show it. What it writes then must not stand.
func testLateWrite(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.commit(hs.change(pet, "two", events.Put, hs.find(pet), document(2)))
	release := hs.late(pet, "put")
	hs.relay()
	hs.do(pet, "three", events.Put, document(3))
	release()
	hs.wantFollowed(pet, document(3))
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, document(3))
}

// S3 makes an ETag of the bytes alone: a helper that read document 1 finds its
// condition true once document 1 has come again. The recheck finds it.
func testLateEqualBytes(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.commit(hs.change(pet, "two", events.Put, hs.find(pet), document(2)))
	release := hs.late(pet, "put")
	hs.relay()
	hs.do(pet, "three", events.Put, document(1))
	release()
	for range 2 { // whatever the object shows, the record is what was decided
		head := hs.find(pet)
		if !store.Equal(head.Data, []byte(document(1))) || head.Revision != 3 {
			t.Fatalf("read %s, revision %d", head.Data, head.Revision)
		}
	}
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, document(1))
	want(t, "revision", hs.find(pet).Revision, 3)
}

func testLateDelete(t *testing.T, h ProjectionHarness) {
	op := "delete"
	if h.Backend == events.CSV {
		op = "put"
	}
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.commit(hs.change(pet, "two", events.Delete, hs.find(pet), ""))
	release := hs.late(pet, op)
	hs.relay()
	hs.do(pet, "three", events.Post, document(1))
	release()
	if !h.Unconditional {
		hs.wantShown(pet, document(1))
	}
	head := hs.find(pet)
	if head.Deleted || head.Revision != 3 {
		t.Fatalf("the record is gone: %+v", head)
	}
	if listed, err := hs.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 1 {
		t.Fatalf("listed %v, %v", listed, err)
	}
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, document(1))
	want(t, "revision", hs.find(pet).Revision, 3)
}

// A POST reads the object, which is absent, and loses to another process that
// writes record and object, and dies before it saves. What the POST has read is
// out of date when the record is deleted.
func testDeleteAfterRejectedPost(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	b := &afterGet{Bucket: hs.person}
	s := hs.storeOver(b)
	b.do = func() {
		hs.commit(hs.change(pet, "post", events.Post, store.Record{}, document(1)))
		if _, err := hs.Project(ctx, pet); err != nil { // and no Settle
			t.Error(err)
		}
	}
	_, err := s.Commit(ctx, hs.change(pet, "lost", events.Post, store.Record{}, document(2)))
	if _, moved := errors.AsType[*store.VersionConflict](err); !moved {
		t.Fatalf("the POST that lost: %v, want Moved", err)
	}
	hs.wantShown(pet, document(1))
	prior, err := s.Get(ctx, pet)
	if err != nil || !prior.Unprojected {
		t.Fatalf("read %+v, %v, want a dirty head", prior, err)
	}
	if _, err := applyAndProject(s, hs.change(pet, "delete", events.Delete, prior, "")); err != nil {
		t.Fatal(err)
	}
	hs.wantShown(pet, "")
	hs.relay()
	hs.wantFollowed(pet, "")
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

func testDirtyAnswers(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.commit(hs.change(pet, "two", events.Put, hs.find(pet), document(2)))
	if got := hs.find(pet); !store.Equal(got.Data, []byte(document(2))) || !got.Unprojected {
		t.Errorf("read %s, dirty %v", got.Data, got.Unprojected)
	}
	hs.wantShown(pet, document(1))
	listed, err := hs.List(ctx, pet.Collection, "", 10)
	if err != nil || len(listed) != 1 || !store.Equal(listed[0].Data, []byte(document(2))) {
		t.Errorf("listed %v, %v", listed, err)
	}
	hs.commit(hs.change(pet, "three", events.Delete, hs.find(pet), ""))
	if listed, err := hs.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 0 {
		t.Errorf("listed %v, %v of a record that is deleted", listed, err)
	}
	hs.do(ref("acme", "petstore", "other"), "four", events.Post, `{"id":"other"}`)
	hs.relay()
	hs.wantFollowed(pet, "")
}

func testProjectionList(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	var all []string
	for i := range 12 {
		r := ref("acme", "petstore", named("k", i))
		data := fmt.Sprintf(`{"id":%q,"n":%d}`, r.Key, i)
		switch {
		case i%4 == 3:
			hs.edit(r, data) // by an external edit
		default:
			hs.do(r, named("m", i), events.Post, data)
		}
		if i == 5 {
			hs.do(r, "gone", events.Delete, "")
			continue
		}
		all = append(all, string(r.Key))
	}
	for limit := 1; limit < 14; limit += 3 {
		var got []string
		for after := events.RecordKey(""); ; {
			page, err := hs.List(ctx, pet.Collection, after, limit)
			if err != nil || len(page) > limit {
				t.Fatalf("%d listed, %v, at most %d", len(page), err, limit)
			}
			if len(page) == 0 {
				break
			}
			for _, head := range page {
				got = append(got, string(head.Key))
			}
			after = page[len(page)-1].Key
		}
		if fmt.Sprint(got) != fmt.Sprint(all) {
			t.Errorf("by %d: %v, want %v", limit, got, all)
		}
	}
	if listed, err := hs.List(ctx, ref("other", "petstore", "x").Collection, "", 10); err != nil || len(listed) != 0 {
		t.Errorf("another tenant's: %v, %v", listed, err)
	}
}

func contains(err error, part string) bool { return strings.Contains(err.Error(), part) }
