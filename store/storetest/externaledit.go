package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func testHandEdit(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	first := hs.do(pet, "one", events.Post, document(1))
	billed := hs.used("acme")
	hs.edit(pet, `{"id":"rex","n":7,"text":"by hand"}`)
	head := hs.find(pet)
	if !store.Equal(head.Data, []byte(`{"id":"rex","n":7,"text":"by hand"}`)) || head.Revision != 2 || head.Version == first.Version || head.Unprojected {
		t.Fatalf("read %+v after an edit", head)
	}
	again := hs.find(pet)
	want(t, "stamp when read again", again.Version, head.Version)
	want(t, "tokens", hs.used("acme"), billed)
	hs.wantFollowed(pet, `{"id":"rex","n":7,"text":"by hand"}`)

	r := hs.do(pet, "two", events.Put, `{"id":"rex","n":8}`)
	want(t, "revision", r.Revision, 3)
	hs.wantFollowed(pet, `{"id":"rex","n":8}`)
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, `{"id":"rex","n":8}`)

	// An edit that nobody has read is imported by the recheck.
	hs.do(pet, "three", events.Put, `{"id":"rex","n":9}`)
	hs.edit(pet, document(10))
	hs.later()
	hs.relay()
	hs.wantFollowed(pet, document(10))
	want(t, "revision", hs.find(pet).Revision, 5)
}

func testHandEditDirty(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.commit(hs.change(pet, "two", events.Put, hs.find(pet), document(2)))
	hs.edit(pet, document(77))
	if got := hs.find(pet); !store.Equal(got.Data, []byte(document(2))) {
		t.Errorf("read %s under a change", got.Data)
	}
	hs.relay()
	hs.wantFollowed(pet, document(2))
	want(t, "revision", hs.find(pet).Revision, 2)

	// The recheck of an older change may come first.
	hs.commit(hs.change(pet, "three", events.Put, hs.find(pet), document(3)))
	hs.edit(pet, document(78))
	if _, err := hs.Recheck(ctx, pet); err != nil {
		t.Fatal(err)
	}
	want(t, "revision", hs.find(pet).Revision, 3)
	hs.wantShown(pet, document(3))
	hs.relay()
	hs.wantFollowed(pet, document(3))
}

func testHandRemoval(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(ref("acme", "petstore", "other"), "zero", events.Post, `{"id":"other"}`)
	hs.do(pet, "one", events.Post, document(1))
	hs.later()
	hs.relay()
	hs.edit(pet, "")
	head := hs.find(pet)
	if !head.Deleted || head.Revision != 2 || head.Unprojected {
		t.Fatalf("read %+v after a removal", head)
	}
	if listed, err := hs.List(ctx, pet.Collection, "", 10); err != nil || len(listed) != 1 {
		t.Errorf("listed %v, %v", listed, err)
	}
	hs.do(pet, "two", events.Post, document(3))
	hs.wantFollowed(pet, document(3))

	// A POST that does not know of the removal yet is told of it.
	hs.later()
	hs.relay()
	hs.edit(pet, "")
	_, err := hs.Commit(ctx, hs.change(pet, "three", events.Post, store.Record{}, document(4)))
	moved, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || !moved.Current.Deleted {
		t.Fatalf("POST after a removal: %v, want Moved with the tombstone", err)
	}
}

func testHandNew(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.edit(pet, document(1))
	head := hs.find(pet)
	if !store.Equal(head.Data, []byte(document(1))) || head.Revision != 1 {
		t.Fatalf("read %+v of a record made by hand", head)
	}
	other := ref("acme", "petstore", "other")
	hs.edit(other, `{"id":"other"}`)
	_, err := hs.Commit(ctx, hs.change(other, "post", events.Post, store.Record{}, `{"id":"other","n":1}`))
	moved, ok := errors.AsType[*store.VersionConflict](err)
	if !ok || !store.Equal(moved.Current.Data, []byte(`{"id":"other"}`)) {
		t.Fatalf("POST over a record made by hand: %v, want Moved", err)
	}
	hs.wantShown(other, `{"id":"other"}`)
	hs.do(other, "put", events.Put, `{"id":"other","n":2}`)
	hs.wantFollowed(other, `{"id":"other","n":2}`)
	hs.wantFollowed(pet, document(1))
}

func testHandAgain(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	hs.do(pet, "one", events.Post, document(1))
	hs.do(pet, "two", events.Delete, "")
	hs.edit(pet, document(3))
	head := hs.find(pet)
	if head.Deleted || !store.Equal(head.Data, []byte(document(3))) || head.Revision != 3 {
		t.Fatalf("read %+v", head)
	}
	hs.wantFollowed(pet, document(3))
}

// In a file that many records share, an edit must outlive the write of another
// record; and what a person has saved must not undo what was added meanwhile.
func testHandOther(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	other, third, made := ref("acme", "petstore", "other"), ref("acme", "petstore", "third"), ref("acme", "petstore", "made")
	hs.do(pet, "one", events.Post, document(1))
	hs.do(third, "third", events.Post, `{"id":"third"}`)
	hs.later()
	hs.relay()
	hs.edit(pet, document(50))
	hs.edit(made, `{"id":"made"}`)
	hs.edit(third, "")
	hs.do(other, "two", events.Post, `{"id":"other"}`)
	hs.wantFollowed(other, `{"id":"other"}`)
	if got := hs.find(third); !got.Deleted {
		t.Errorf("read %+v of a record removed by hand", got)
	}
	if got := hs.find(pet); !store.Equal(got.Data, []byte(document(50))) {
		t.Errorf("read %s: the edit is lost", got.Data)
	}
	if got := hs.find(made); !store.Equal(got.Data, []byte(`{"id":"made"}`)) {
		t.Errorf("read %s: the new record is lost", got.Data)
	}
	hs.wantFollowed(pet, document(50))
	hs.wantFollowed(made, `{"id":"made"}`)
	hs.wantFollowed(third, "")
}

func testHandRedelivery(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	c := hs.change(pet, "one", events.Post, store.Record{}, document(1))
	first, err := applyAndProject(hs.Store, c)
	if err != nil {
		t.Fatal(err)
	}
	hs.clock.advance(time.Second)
	hs.edit(pet, document(5))
	again, err := applyAndProject(hs.Store, c)
	if err != nil || !again.Replayed || again.Version != first.Version {
		t.Fatalf("redelivery: %+v, %v", again, err)
	}
	if got := hs.find(pet); !store.Equal(got.Data, []byte(document(5))) {
		t.Errorf("read %s: the redelivery undid the edit", got.Data)
	}
}

func testSpoilt(t *testing.T, h ProjectionHarness) {
	hs := openHouse(t, h, nil)
	other := ref("acme", "petstore", "other")
	hs.do(pet, "one", events.Post, document(1))
	hs.do(other, "two", events.Post, `{"id":"other"}`)
	hs.later()
	hs.relay()
	hs.h.Spoil(t, hs.person, pet)
	_, err := hs.Get(ctx, pet)
	wantCode(t, "get", err, fault.Unavailable)
	name := hs.h.New(hs.person).Object(pet)
	for _, part := range []string{name, "line ", "column "} {
		if !contains(err, part) {
			t.Errorf("get: %v does not tell %q", err, part)
		}
	}
	if got, err := hs.Get(ctx, other); err != nil || !store.Equal(got.Data, []byte(`{"id":"other"}`)) {
		t.Errorf("the other record: %s, %v", got.Data, err)
	}
	listed, err := hs.List(ctx, pet.Collection, "", 10)
	if err != nil || len(listed) != 1 || listed[0].Key != "other" {
		t.Errorf("listed %v, %v, want the other record", listed, err)
	}
	head, err := hs.driver.Record(ctx, pet)
	if err != nil {
		t.Fatal(err)
	}
	// The record itself can be written over.
	if _, err := applyAndProject(hs.Store, hs.change(pet, "three", events.Put, head, document(3))); err != nil {
		t.Fatalf("put over it: %v", err)
	}
	hs.wantFollowed(pet, document(3))
}
