package storetest

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

// RunKeys runs what [tenant.Keys] promises against an empty store of keys.
func RunKeys(t *testing.T, open func(t testing.TB) tenant.Keys) {
	key := func(id, owner string, age time.Duration) tenant.Key {
		return tenant.Key{ID: tenant.KeyID(id), Tenant: events.TenantID(owner), Hash: [32]byte{1, 2, 31: 0xff},
			Permissions: []tenant.Permission{tenant.BackendCalls, tenant.ReadOnly}, Created: start.Add(-age)}
	}
	put := func(t *testing.T, k tenant.Keys, v tenant.Key) {
		t.Helper()
		if err := k.PutKey(ctx, v); err != nil {
			t.Fatalf("put: %v", err)
		}
	}
	t.Run("Keys/absent is not found", func(t *testing.T) {
		k := open(t)
		_, err := k.Key(ctx, "none")
		wantCode(t, "a key that was never made", err, fault.NotFound)
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

		v.Permissions = []tenant.Permission{tenant.ReadOnly}
		v.Expires, v.Revoked, v.LastUsed = start.Add(1), start.Add(time.Hour), start.Add(2*time.Hour)
		v.Created = v.Created.Add(time.Second)
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
		if got, err = k.Key(ctx, "k1"); err != nil || got.Permissions[0] != tenant.ReadOnly {
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
}
