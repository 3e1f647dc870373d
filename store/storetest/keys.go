package storetest

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// RunKeys runs the promises of [apikey.Store] against an empty store of keys.
func RunKeys(t *testing.T, open func(t testing.TB) apikey.Store) {
	key := func(id, owner string, age time.Duration) apikey.Key {
		return apikey.Key{ID: apikey.ID(id), Tenant: events.TenantID(owner), Hash: [32]byte{1, 2, 31: 0xff},
			Permissions: []apikey.Permission{apikey.BackendCalls, apikey.ReadOnly}, Created: start.Add(-age)}
	}
	put := func(t *testing.T, k apikey.Store, v apikey.Key) {
		t.Helper()
		if err := k.PutKey(ctx, v); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	t.Run("Keys/absent is not found", func(t *testing.T) {
		k := open(t)
		_, err := k.Key(ctx, "none")
		wantCode(t, "a key that does not exist", err, fault.NotFound)
		list, err := k.KeysOf(ctx, "acme")
		if err != nil || len(list) != 0 {
			t.Fatalf("keys of a tenant without any: %v, %v", list, err)
		}
	})
	t.Run("Keys/every field comes back, replaced whole", func(t *testing.T) {
		k, v := open(t), key("k1", "acme", 0)
		put(t, k, v)
		got, err := k.Key(ctx, "k1")
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "key", got, v)

		v.Permissions = []apikey.Permission{apikey.ReadOnly}
		v.Expires, v.Revoked, v.LastUsed = start.Add(1), start.Add(time.Hour), start.Add(2*time.Hour)
		v.Created, v.Replaces = v.Created.Add(time.Second), "k0"
		put(t, k, v)
		if got, err = k.Key(ctx, "k1"); err != nil {
			t.Fatal(err)
		}
		wantSame(t, "key", got, v)
		list, err := k.KeysOf(ctx, "acme")
		if err != nil || len(list) != 1 {
			t.Fatalf("a replaced key is listed %d times: %v", len(list), err)
		}
		got.Permissions[0] = "changed"
		if got, err = k.Key(ctx, "k1"); err != nil || got.Permissions[0] != apikey.ReadOnly {
			t.Fatalf("the caller's copy is shared: %v, %v", got.Permissions, err)
		}
	})
	t.Run("Keys/listed by tenant, oldest first", func(t *testing.T) {
		k := open(t)
		put(t, k, key("new", "acme", time.Second))
		put(t, k, key("old", "acme", 40*time.Hour))
		put(t, k, key("middle", "acme", time.Minute))
		put(t, k, key("other1", "acm", time.Minute))
		put(t, k, key("other2", "acme-1", time.Minute))
		list, err := k.KeysOf(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		ids := ""
		for _, v := range list {
			ids += string(v.ID) + " "
		}
		want(t, "keys", ids, "old middle new ")
	})
	t.Run("Keys/touching keeps other changes", func(t *testing.T) {
		k, v := open(t), key("k1", "acme", 0)
		put(t, k, v)
		v.Revoked = start
		put(t, k, v)
		v.LastUsed = start.Truncate(24 * time.Hour)
		if err := k.TouchKey(ctx, "k1", v.LastUsed); err != nil {
			t.Fatal(err)
		}
		got, err := k.Key(ctx, "k1")
		if err != nil {
			t.Fatal(err)
		}
		wantSame(t, "key", got, v)
		list, err := k.KeysOf(ctx, "acme")
		if err != nil || len(list) != 1 {
			t.Fatalf("a touched key is listed %d times: %v", len(list), err)
		}
		wantSame(t, "listed key", list[0], v)
		if err := k.TouchKey(ctx, "none", start); err != nil {
			t.Fatalf("touch of a key that does not exist: %v", err)
		}
		_, err = k.Key(ctx, "none")
		wantCode(t, "a key that does not exist, after TouchKey", err, fault.NotFound)
	})
	t.Run("Keys/checked by the commit", func(t *testing.T) {
		k := open(t)
		d, ok := k.(store.Driver)
		if !ok {
			t.Skip("the keys are not in the ledger")
		}
		now := time.Now().UTC().Truncate(time.Second)
		active, expired, revoked, other := key("active", "acme", 0), key("expired", "acme", 0), key("revoked", "acme", 0), key("other", "acme-2", 0)
		active.Expires, expired.Expires, revoked.Revoked = now.Add(time.Hour), now.Add(-time.Hour), now.Add(-time.Hour)
		for _, v := range []apikey.Key{active, expired, revoked, other} {
			put(t, k, v)
		}
		commit := func(id, once string) (store.Result, error) {
			return d.Commit(ctx, &store.Change{ActiveKey: id, Idempotency: store.IdempotencyRecord{
				Key: store.IdempotencyKey{Tenant: "acme", Origin: store.OriginRESTOnce, Value: once}, Expires: now.Add(time.Hour),
				Result: store.Result{Ref: store.Ref{Collection: store.Collection{Tenant: "acme", Schema: "pet"}}, Operation: events.Get, Version: "s", Time: now},
			}})
		}
		for _, id := range []string{"expired", "revoked", "other", "none"} {
			_, err := commit(id, "by-"+id)
			wantCode(t, "a commit with the key "+id, err, fault.Unauthenticated)
			want(t, "message for the caller", fault.MessageOf(err), events.KeyRefused)
			_, err = d.IdempotencyRecord(ctx, store.IdempotencyKey{Tenant: "acme", Origin: store.OriginRESTOnce, Value: "by-" + id})
			wantCode(t, "the idempotency record of a commit that was rejected", err, fault.NotFound)
		}
		if _, err := commit("active", "m"); err != nil {
			t.Fatal(err)
		}
		if r, err := commit("active", "m"); err != nil || !r.Replayed {
			t.Fatalf("redelivery: %+v, %v", r, err)
		}
		active.Revoked = now.Add(-time.Minute)
		put(t, k, active)
		_, err := commit("active", "m")
		wantCode(t, "a redelivery with a key that has been revoked since", err, fault.Unauthenticated)
	})
}
