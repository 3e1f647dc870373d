package admin

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// RotateKey implements [Keys].
func (d *Direct) RotateKey(ctx context.Context, in Rotation) (CreatedKey, error) {
	if in.Overlap < 0 {
		return CreatedKey{}, fault.Errorf(fault.Invalid, "the overlap must not be negative")
	}
	if _, err := apikey.ParseID(string(in.KeyID)); err != nil {
		return CreatedKey{}, err
	}
	key, secret, err := apikey.Rotate(ctx, d.keys, in.KeyID, time.Duration(in.Overlap)*time.Second, in.Expires, d.now(), rand.Reader)
	if err != nil {
		return CreatedKey{}, fault.Wrap("admin.RotateKey", fault.Unavailable, err)
	}
	return CreatedKey{KeyID: key.ID, Key: secret.Reveal()}, nil
}

// ExportKeys implements [Keys].
func (d *Direct) ExportKeys(ctx context.Context, t events.TenantID) ([]StoredKey, error) {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return nil, err
	}
	keys, err := d.keys.KeysOf(ctx, t)
	if err != nil {
		return nil, fault.Wrap("admin.ExportKeys", fault.Unavailable, err)
	}
	out := make([]StoredKey, len(keys))
	for i, k := range keys {
		out[i] = StoredKey{KeyID: k.ID, Tenant: k.Tenant, Permissions: k.Permissions,
			SHA256: hex.EncodeToString(k.Hash[:]), Created: k.Created, Expires: k.Expires, Revoked: k.Revoked, Replaces: k.Replaces}
	}
	return out, nil
}

// ImportKeys implements [Keys].
func (d *Direct) ImportKeys(ctx context.Context, in []StoredKey) (int, error) {
	keys := make([]apikey.Key, len(in))
	for i := range in {
		var err error
		if keys[i], err = in[i].key(); err != nil {
			return 0, fault.Errorf(fault.Invalid, "key %d: %s", i+1, fault.MessageOf(err))
		}
		if i == 0 || keys[i].Tenant != keys[i-1].Tenant {
			if err := d.checkTenant(ctx, keys[i].Tenant); err != nil {
				return 0, err
			}
		}
		if err := d.checkImport(ctx, &keys[i]); err != nil {
			return 0, err
		}
	}
	byTenant := map[events.TenantID][]apikey.Key{}
	for i := range keys {
		byTenant[keys[i].Tenant] = append(byTenant[keys[i].Tenant], keys[i])
	}
	for _, list := range byTenant {
		if err := apikey.CheckImport(ctx, d.keys, list, d.now()); err != nil {
			return 0, err
		}
	}
	for i := range keys {
		if err := d.keys.PutKey(ctx, keys[i]); err != nil {
			return i, fault.Wrap("admin.ImportKeys", fault.Unavailable, err)
		}
	}
	return len(keys), nil
}

// checkImport rejects a key that would replace another one. It keeps the stored
// last use, which is not imported, and a stored revocation.
func (d *Direct) checkImport(ctx context.Context, k *apikey.Key) error {
	have, err := d.keys.Key(ctx, k.ID)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return fault.Wrap("admin.ImportKeys", fault.Unavailable, err)
	case have.Tenant != k.Tenant || have.Hash != k.Hash:
		return fault.Errorf(fault.Conflict, "key %s exists already, with another secret or tenant", k.ID)
	}
	k.LastUsed = have.LastUsed
	if k.Revoked.IsZero() {
		k.Revoked = have.Revoked
	}
	return nil
}

// key returns the key to be imported after checking it.
func (s *StoredKey) key() (apikey.Key, error) {
	k := apikey.Key{Permissions: s.Permissions, Created: s.Created, Expires: s.Expires, Revoked: s.Revoked, Replaces: s.Replaces}
	var err error
	if k.ID, err = apikey.ParseID(string(s.KeyID)); err != nil {
		return k, err
	}
	if k.Tenant, err = events.ParseTenantID(string(s.Tenant)); err != nil {
		return k, err
	}
	for _, p := range s.Permissions {
		if _, err := apikey.ParsePermission(string(p)); err != nil {
			return k, err
		}
	}
	hash, err := hex.DecodeString(s.SHA256)
	switch {
	case err != nil || len(hash) != len(k.Hash):
		return k, fault.Errorf(fault.Invalid, "sha256 must have %d hexadecimal digits", 2*len(k.Hash))
	case len(s.Permissions) == 0:
		return k, fault.Errorf(fault.Invalid, "permissions are missing")
	case s.Created.IsZero():
		return k, fault.Errorf(fault.Invalid, "created is missing")
	}
	copy(k.Hash[:], hash)
	return k, nil
}
