package admin_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/store/memstore"
)

func TestRotateKey(t *testing.T) {
	both(t, func(t *testing.T, a admin.Admin, _ *projection.Store, _ *fakeFunctions) {
		ctx := t.Context()
		old, err := a.CreateKey(ctx, admin.NewKey{Tenant: "acme", Permissions: []apikey.Permission{apikey.ReadOnly}})
		if err != nil {
			t.Fatal(err)
		}
		expires := time.Now().Add(1000 * time.Hour).UTC().Truncate(time.Second)
		fresh, err := a.RotateKey(ctx, admin.Rotation{KeyID: old.KeyID, Overlap: 3600, Expires: expires})
		if err != nil || fresh.Key == "" || fresh.KeyID == old.KeyID {
			t.Fatalf("%+v, %v", fresh, err)
		}
		keys, err := a.ListKeys(ctx, "acme")
		if err != nil || len(keys) != 2 {
			t.Fatalf("%+v, %v", keys, err)
		}
		for _, k := range keys {
			left := time.Until(k.Expires)
			switch {
			case k.State != "active" || k.Permissions[0] != apikey.ReadOnly:
				t.Errorf("both must work meanwhile: %+v", k)
			case k.KeyID == old.KeyID && (left > time.Hour || left < 50*time.Minute):
				t.Errorf("the old key ends in %v, want 1h", left)
			case k.KeyID == fresh.KeyID && !k.Expires.Equal(expires):
				t.Errorf("the new key ends at %v, want %v", k.Expires, expires)
			}
		}
		for want, in := range map[fault.Code]admin.Rotation{
			fault.NotFound: {KeyID: "aaaaaaaaaaaaaaaa"},
			fault.Invalid:  {KeyID: old.KeyID, Overlap: -1},
		} {
			if _, err := a.RotateKey(ctx, in); fault.CodeOf(err) != want {
				t.Errorf("%+v: %v, want %v", in, err, want)
			}
		}
		if _, err := a.RevokeKey(ctx, old.KeyID); err != nil {
			t.Fatal(err)
		}
		if _, err := a.RotateKey(ctx, admin.Rotation{KeyID: old.KeyID}); !fault.Is(err, fault.Conflict) {
			t.Errorf("rotating a revoked key: %v", err)
		}
	})
}

// TestKeyOfAnUnknownTenant: a mistyped tenant is reported, with those that exist.
func TestKeyOfAnUnknownTenant(t *testing.T) {
	ledger := memstore.New(nil)
	d := admin.NewDirect(ledger, projection.New(store.New(ledger, nil), nil), nil, nil)
	d.Tenants = func(context.Context) ([]events.TenantID, error) { return []events.TenantID{"acme", "rival"}, nil }
	in := admin.NewKey{Tenant: "amce", Permissions: []apikey.Permission{apikey.ReadOnly}}
	if _, err := d.CreateKey(t.Context(), in); !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "tenant amce does not exist") || !strings.Contains(err.Error(), "acme, rival") {
		t.Errorf("%v", err)
	}
	if keys, err := d.ListKeys(t.Context(), "amce"); err != nil || len(keys) != 0 {
		t.Errorf("%+v, %v", keys, err)
	}
	in.Tenant = "acme"
	if _, err := d.CreateKey(t.Context(), in); err != nil {
		t.Error(err)
	}
	stored, err := d.ExportKeys(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	d.Tenants = func(context.Context) ([]events.TenantID, error) { return []events.TenantID{"acme"}, nil }
	other := stored[0]
	other.KeyID, other.Tenant = "bbbbbbbbbbbbbbbb", "rival"
	if n, err := d.ImportKeys(t.Context(), append(stored, other)); n != 0 || !fault.Is(err, fault.NotFound) || !strings.Contains(err.Error(), "tenant rival does not exist") {
		t.Errorf("import of a key of an unknown tenant: %d, %v", n, err)
	}
	if keys, err := d.ListKeys(t.Context(), "rival"); err != nil || len(keys) != 0 {
		t.Errorf("%+v, %v", keys, err)
	}
	if n, err := d.ImportKeys(t.Context(), stored); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	d.Tenants = func(context.Context) ([]events.TenantID, error) { return nil, errors.New("no bucket") }
	if _, err := d.CreateKey(t.Context(), in); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

// TestExportedKeysCanBeImported checks that a key of one deployment works in
// another, to which only its hash was copied.
func TestExportedKeysCanBeImported(t *testing.T) {
	both(t, func(t *testing.T, a admin.Admin, _ *projection.Store, _ *fakeFunctions) {
		ctx := t.Context()
		made, err := a.CreateKey(ctx, admin.NewKey{Tenant: "acme", Permissions: []apikey.Permission{apikey.BackendCalls}})
		if err != nil {
			t.Fatal(err)
		}
		exported, err := a.ExportKeys(ctx, "acme")
		if err != nil || len(exported) != 1 {
			t.Fatalf("%+v, %v", exported, err)
		}

		elsewhere := memstore.New(nil)
		b := admin.NewDirect(elsewhere, projection.New(store.New(elsewhere, nil), nil), nil, nil)
		for range 2 { // importing twice has the same effect
			if n, err := b.ImportKeys(ctx, exported); n != 1 || err != nil {
				t.Fatalf("%d, %v", n, err)
			}
		}
		k, err := apikey.NewAuthenticator(elsewhere, nil).Authenticate(ctx, events.Secret(made.Key), "acme", apikey.BackendCalls)
		if err != nil || k.ID != made.KeyID {
			t.Fatalf("the key does not work: %v, %v", k, err)
		}

		// A revocation there is not undone by an older export.
		if _, err := b.RevokeKey(ctx, made.KeyID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.ImportKeys(ctx, exported); err != nil {
			t.Fatal(err)
		}
		if keys, err := b.ListKeys(ctx, "acme"); err != nil || keys[0].State != "revoked" {
			t.Errorf("%+v, %v", keys, err)
		}

		broken := func(change func(*admin.StoredKey)) []admin.StoredKey {
			k := exported[0]
			change(&k)
			other := exported[0]
			other.KeyID = "bbbbbbbbbbbbbbbb"
			return []admin.StoredKey{other, k}
		}
		for name, c := range map[string]struct {
			keys []admin.StoredKey
			want fault.Code
		}{
			"another secret":        {broken(func(k *admin.StoredKey) { k.SHA256 = "00" + k.SHA256[2:] }), fault.Conflict},
			"another tenant":        {broken(func(k *admin.StoredKey) { k.Tenant = "rival" }), fault.Conflict},
			"no id":                 {broken(func(k *admin.StoredKey) { k.KeyID = "" }), fault.Invalid},
			"a bad tenant":          {broken(func(k *admin.StoredKey) { k.Tenant = "../x" }), fault.Invalid},
			"a short hash":          {broken(func(k *admin.StoredKey) { k.SHA256 = "00" }), fault.Invalid},
			"no hash":               {broken(func(k *admin.StoredKey) { k.SHA256 = "zz" }), fault.Invalid},
			"an unknown permission": {broken(func(k *admin.StoredKey) { k.Permissions = []apikey.Permission{"all"} }), fault.Invalid},
			"no permission":         {broken(func(k *admin.StoredKey) { k.Permissions = nil }), fault.Invalid},
			"no time":               {broken(func(k *admin.StoredKey) { k.Created = time.Time{} }), fault.Invalid},
		} {
			if n, err := b.ImportKeys(ctx, c.keys); n != 0 || fault.CodeOf(err) != c.want {
				t.Errorf("%s: %d, %v, want %v", name, n, err, c.want)
			}
			if _, err := elsewhere.Key(ctx, "bbbbbbbbbbbbbbbb"); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: the keys before it were stored", name)
			}
		}
	})
}

// TestImportOfRotatedKeys: an import makes at most two keys of a rotation active,
// together with those that are stored.
func TestImportOfRotatedKeys(t *testing.T) {
	newAdmin := func() *admin.Direct {
		ledger := memstore.New(nil)
		return admin.NewDirect(ledger, projection.New(store.New(ledger, nil), nil), nil, nil)
	}
	created := time.Now().UTC().Truncate(time.Second)
	key := func(id, replaces string) admin.StoredKey {
		return admin.StoredKey{KeyID: apikey.ID(strings.Repeat(id, 16)), Tenant: "acme", Permissions: []apikey.Permission{apikey.ReadOnly},
			SHA256: strings.Repeat("ab", 32), Created: created, Replaces: apikey.ID(strings.Repeat(replaces, 16))}
	}
	a, b, c, other := key("a", ""), key("b", "a"), key("c", "b"), key("d", "")
	second := key("e", "a") // of the same key
	ended := a
	ended.Expires = created.Add(-time.Hour)
	list := func(keys ...admin.StoredKey) []admin.StoredKey { return keys }
	for name, test := range map[string]struct {
		stored, in []admin.StoredKey
		want       string // of the error; "" for none
	}{
		"a rotation":                     {nil, list(a, b, other), ""},
		"a rotation, replacement stored": {list(b), list(a), ""},
		"again":                          {list(a, b), list(a, b), ""},
		"a chain, its start ended":       {nil, list(ended, b, c), ""},
		"a chain, its start ends now":    {list(a, b), list(ended, c), ""},
		"a chain":                        {nil, list(a, b, c), "keys aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb and cccccccccccccccc"},
		"the end of a chain":             {list(a, b), list(other, c), "keys aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb and cccccccccccccccc"},
		"the middle of a chain":          {list(a, c), list(b), "keys aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb and cccccccccccccccc"},
		"the start of a chain":           {list(b, c), list(a), "keys aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb and cccccccccccccccc"},
		"two replacements":               {list(a, b), list(second), "keys aaaaaaaaaaaaaaaa, bbbbbbbbbbbbbbbb and eeeeeeeeeeeeeeee"},
		"two replacements, key missing":  {list(b), list(second), ""},
	} {
		d := newAdmin()
		if _, err := d.ImportKeys(t.Context(), test.stored); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, err := d.ExportKeys(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		n, err := d.ImportKeys(t.Context(), test.in)
		if test.want == "" {
			if n != len(test.in) || err != nil {
				t.Errorf("%s: %d, %v", name, n, err)
			}
			continue
		}
		if n != 0 || !fault.Is(err, fault.Conflict) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d, %v, want a conflict that says %q", name, n, err, test.want)
		}
		if after, err := d.ExportKeys(t.Context(), "acme"); err != nil || !cmp.Equal(before, after) {
			t.Errorf("%s: a rejected import changed the keys: %v %s", name, err, cmp.Diff(before, after))
		}
	}
}

// TestCheckExists checks the errors of names that no file describes, directly and
// through the client.
func TestCheckExists(t *testing.T) {
	ledger := memstore.New(nil)
	d := admin.NewDirect(ledger, projection.New(store.New(ledger, nil), nil), nil, nil)
	d.Tenants = func(context.Context) ([]events.TenantID, error) { return []events.TenantID{"acme"}, nil }
	d.Schemas = func(context.Context, events.TenantID) ([]events.SchemaID, error) {
		return []events.SchemaID{"dog", "pet"}, nil
	}
	srv := httptest.NewServer(admin.NewHandler(d))
	t.Cleanup(srv.Close)
	for _, a := range []admin.Admin{d, admin.NewClient(srv.URL)} {
		for _, c := range []struct {
			tenant events.TenantID
			schema events.SchemaID
			want   string
		}{
			{"acme", "", ""},
			{"acme", "pet", ""},
			{"amce", "pet", "tenant amce does not exist: there is no file amce/tenant.properties; tenants that exist: acme"},
			{"acme", "pets", "schema pets of tenant acme does not exist: there is no file acme/pets.json; schemas that exist: dog, pet"},
			{"a/b", "", `tenant id "a/b" has '/' at byte 1; allowed are letters, digits, and after the first also _ and -`},
		} {
			err := a.CheckExists(t.Context(), c.tenant, c.schema)
			if c.want == "" && err != nil || c.want != "" && fault.MessageOf(err) != c.want {
				t.Errorf("%T: CheckExists(%q, %q) = %v, want %s", a, c.tenant, c.schema, err, c.want)
			}
		}
		if _, err := a.ListRecords(t.Context(), admin.RecordQuery{Tenant: "acme", Schema: "pets", Key: "a"}); !fault.Is(err, fault.NotFound) || !strings.Contains(fault.MessageOf(err), "schema pets of tenant acme does not exist") {
			t.Errorf("%T: a record of an unknown schema: %v", a, err)
		}
	}
}
