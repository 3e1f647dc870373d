package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func testExternalEdit(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	first := fx.do(pet, "one", events.Post, document(1))
	billed := fx.used("acme")
	fx.edit(pet, `{"id":"rex","n":7,"text":"by hand"}`)
	record := fx.find(pet)
	if !store.Equal(record.Data, []byte(`{"id":"rex","n":7,"text":"by hand"}`)) || record.Revision != 2 || record.Version == first.Version || record.Unprojected {
		t.Fatalf("read %+v after an edit", record)
	}
	again := fx.find(pet)
	want(t, "version when read again", again.Version, record.Version)
	want(t, "tokens", fx.used("acme"), billed)
	fx.wantProjected(pet, `{"id":"rex","n":7,"text":"by hand"}`)

	r := fx.do(pet, "two", events.Put, `{"id":"rex","n":8}`)
	want(t, "revision", r.Revision, 3)
	fx.wantProjected(pet, `{"id":"rex","n":8}`)
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, `{"id":"rex","n":8}`)

	// The recheck imports an edit that no request has read.
	fx.do(pet, "three", events.Put, `{"id":"rex","n":9}`)
	fx.edit(pet, document(10))
	fx.advanceToRecheck()
	fx.relay()
	fx.wantProjected(pet, document(10))
	want(t, "revision", fx.find(pet).Revision, 5)
}

func testExternalEditOfUnprojected(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.commit(fx.change(pet, "two", events.Put, fx.find(pet), document(2)))
	fx.edit(pet, document(77))
	if got := fx.find(pet); !store.Equal(got.Data, []byte(document(2))) {
		t.Errorf("read %s under a change", got.Data)
	}
	fx.relay()
	fx.wantProjected(pet, document(2))
	want(t, "revision", fx.find(pet).Revision, 2)

	// The recheck of an older change may run first.
	fx.commit(fx.change(pet, "three", events.Put, fx.find(pet), document(3)))
	fx.edit(pet, document(78))
	if _, err := fx.Recheck(ctx, pet); err != nil {
		t.Fatal(err)
	}
	want(t, "revision", fx.find(pet).Revision, 3)
	fx.wantObject(pet, document(3))
	fx.relay()
	fx.wantProjected(pet, document(3))
}

func testExternalDelete(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(ref("acme", "petstore", "other"), "zero", events.Post, `{"id":"other"}`)
	fx.do(pet, "one", events.Post, document(1))
	fx.advanceToRecheck()
	fx.relay()
	fx.edit(pet, "")
	record := fx.find(pet)
	if !record.Deleted || record.Revision != 2 || record.Unprojected {
		t.Fatalf("read %+v after a removal", record)
	}
	if listed, err := fx.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 1 {
		t.Errorf("listed %v, %v", listed, err)
	}
	fx.do(pet, "two", events.Post, document(3))
	fx.wantProjected(pet, document(3))

	// A POST whose read preceded the removal fails with a version conflict.
	fx.advanceToRecheck()
	fx.relay()
	fx.edit(pet, "")
	_, err := fx.Commit(ctx, fx.change(pet, "three", events.Post, store.Record{}, document(4)))
	conflict, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || !conflict.Current.Deleted {
		t.Fatalf("POST after a removal: %v, want a version conflict with the tombstone", err)
	}
}

func testExternalCreate(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.edit(pet, document(1))
	record := fx.find(pet)
	if !store.Equal(record.Data, []byte(document(1))) || record.Revision != 1 {
		t.Fatalf("read %+v of a record that an external edit created", record)
	}
	other := ref("acme", "petstore", "other")
	fx.edit(other, `{"id":"other"}`)
	_, err := fx.Commit(ctx, fx.change(other, "post", events.Post, store.Record{}, `{"id":"other","n":1}`))
	conflict, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || !store.Equal(conflict.Current.Data, []byte(`{"id":"other"}`)) {
		t.Fatalf("POST over a record that an external edit created: %v, want a version conflict", err)
	}
	fx.wantObject(other, `{"id":"other"}`)
	fx.do(other, "put", events.Put, `{"id":"other","n":2}`)
	fx.wantProjected(other, `{"id":"other","n":2}`)
	fx.wantProjected(pet, document(1))
}

func testExternalRecreate(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	fx.do(pet, "one", events.Post, document(1))
	fx.do(pet, "two", events.Delete, "")
	fx.edit(pet, document(3))
	record := fx.find(pet)
	if record.Deleted || !store.Equal(record.Data, []byte(document(3))) || record.Revision != 3 {
		t.Fatalf("read %+v", record)
	}
	fx.wantProjected(pet, document(3))
}

// In a file that many records share, an edit of one record must be kept when another
// record is written, and the edit must not remove records that were added since.
func testExternalEditOfOtherRecord(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	other, third, made := ref("acme", "petstore", "other"), ref("acme", "petstore", "third"), ref("acme", "petstore", "made")
	fx.do(pet, "one", events.Post, document(1))
	fx.do(third, "third", events.Post, `{"id":"third"}`)
	fx.advanceToRecheck()
	fx.relay()
	fx.edit(pet, document(50))
	fx.edit(made, `{"id":"made"}`)
	fx.edit(third, "")
	fx.do(other, "two", events.Post, `{"id":"other"}`)
	fx.wantProjected(other, `{"id":"other"}`)
	if got := fx.find(third); !got.Deleted {
		t.Errorf("read %+v of a record that an external edit deleted", got)
	}
	if got := fx.find(pet); !store.Equal(got.Data, []byte(document(50))) {
		t.Errorf("read %s: the edit is lost", got.Data)
	}
	if got := fx.find(made); !store.Equal(got.Data, []byte(`{"id":"made"}`)) {
		t.Errorf("read %s: the new record is lost", got.Data)
	}
	fx.wantProjected(pet, document(50))
	fx.wantProjected(made, `{"id":"made"}`)
	fx.wantProjected(third, "")
}

func testExternalEditBeforeRedelivery(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	c := fx.change(pet, "one", events.Post, store.Record{}, document(1))
	first, err := applyAndProject(fx.Store, c)
	if err != nil {
		t.Fatal(err)
	}
	fx.clock.advance(time.Second)
	fx.edit(pet, document(5))
	again, err := applyAndProject(fx.Store, c)
	if err != nil || !again.Replayed || again.Version != first.Version {
		t.Fatalf("redelivery: %+v, %v", again, err)
	}
	if got := fx.find(pet); !store.Equal(got.Data, []byte(document(5))) {
		t.Errorf("read %s: the redelivery undid the edit", got.Data)
	}
}

func testCorruptRecord(t *testing.T, h ProjectionHarness) {
	fx := newProjectionFixture(t, h, nil)
	other := ref("acme", "petstore", "other")
	fx.do(pet, "one", events.Post, document(1))
	fx.do(other, "two", events.Post, `{"id":"other"}`)
	fx.advanceToRecheck()
	fx.relay()
	fx.h.Corrupt(t, fx.direct, pet)
	_, err := fx.Get(ctx, pet)
	wantCode(t, "get", err, fault.Unavailable)
	name := fx.h.New(fx.direct).Object(pet)
	for _, part := range []string{name, "line ", "column "} {
		if !contains(err, part) {
			t.Errorf("get: %v does not contain %q", err, part)
		}
	}
	if got, err := fx.Get(ctx, other); err != nil || !store.Equal(got.Data, []byte(`{"id":"other"}`)) {
		t.Errorf("the other record: %s, %v", got.Data, err)
	}
	listed, err := fx.List(ctx, pet.Collection, "", 10)
	if err != nil || len(listed) != 1 || listed[0].Key != "other" {
		t.Errorf("listed %v, %v, want the other record", listed, err)
	}
	record, err := fx.driver.Record(ctx, pet)
	if err != nil {
		t.Fatal(err)
	}
	// The corrupt record can be overwritten.
	if _, err := applyAndProject(fx.Store, fx.change(pet, "three", events.Put, record, document(3))); err != nil {
		t.Fatalf("put after corruption: %v", err)
	}
	fx.wantProjected(pet, document(3))
}
