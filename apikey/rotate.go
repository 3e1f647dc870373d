package apikey

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// Revoke ends a key now. One that is revoked already stays as it is. The fault
// is NotFound where there is no such key.
func Revoke(ctx context.Context, keys Store, id ID, now time.Time) (Key, error) {
	k, err := keys.Key(ctx, id)
	if err != nil {
		return Key{}, missingKey(id, err)
	}
	if !k.Revoked.IsZero() && !now.Before(k.Revoked) {
		return k, nil
	}
	k.Revoked = now
	return k, fault.Wrap("apikey.Revoke", fault.Unavailable, keys.PutKey(ctx, k))
}

// Rotate makes a key with the tenant and the permissions of another, which goes
// on for overlap and then expires, so that both work meanwhile. expires is when
// the new key does; zero is never. At most two keys are active during a rotation:
// the fault is Conflict for a key that is not active, one that is being rotated,
// and one whose predecessor is still active. Of concurrent rotations of one key at
// most one succeeds; each of the others revokes the key that it stored, whose secret
// is not returned. The new key is stored before the old one is given its end: a
// crash between the two leaves both working.
func Rotate(ctx context.Context, keys Store, id ID, overlap time.Duration, expires, now time.Time, random io.Reader) (Key, events.Secret, error) {
	old, err := keys.Key(ctx, id)
	if err != nil {
		return Key{}, "", missingKey(id, err)
	}
	if reason := old.inactive(now); reason != "" {
		return Key{}, "", fault.Errorf(fault.Conflict, "key %s %s; create a new one", id, reason)
	}
	if err := checkRotation(ctx, keys, &old, "", now); err != nil {
		return Key{}, "", err
	}
	fresh, secret, err := New(old.Tenant, old.Permissions, expires, now, random)
	if err != nil {
		return Key{}, "", err
	}
	fresh.Replaces = old.ID
	if err := keys.PutKey(ctx, fresh); err != nil {
		return Key{}, "", fault.Wrap("apikey.Rotate", fault.Unavailable, err)
	}
	// Of two rotations that both passed the first check, the later to store its key
	// finds the other's here.
	if err := checkRotation(ctx, keys, &old, fresh.ID, now); err != nil {
		if _, revokeErr := Revoke(ctx, keys, fresh.ID, now); revokeErr != nil {
			return Key{}, "", revokeErr
		}
		return Key{}, "", err
	}
	if end := now.Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
		old.Expires = end
		if err := keys.PutKey(ctx, old); err != nil {
			return Key{}, "", fault.Wrap("apikey.Rotate", fault.Unavailable, err)
		}
	}
	return fresh, secret, nil
}

// checkRotation returns an error while a rotation that the key takes part in has
// not ended: a third key would be active. The key own is the caller's.
func checkRotation(ctx context.Context, keys Store, k *Key, own ID, now time.Time) error {
	all, err := keys.KeysOf(ctx, k.Tenant)
	if err != nil {
		return fault.Wrap("apikey.Rotate", fault.Unavailable, err)
	}
	for _, other := range all {
		switch {
		case other.ID == own || !other.Active(now):
		case other.Replaces == k.ID:
			return fault.Errorf(fault.Conflict, "key %s is being rotated, and %s replaces it: rotate that one when %s has ended; if its secret is lost, revoke it and rotate %s again",
				k.ID, other.ID, k.ID, k.ID)
		case other.ID == k.Replaces:
			return fault.Errorf(fault.Conflict, "key %s replaces %s, which is active %s: revoke that one first, or wait", k.ID, other.ID, other.until())
		}
	}
	return nil
}

// CheckImport returns a Conflict if storing keys, all of one tenant, would leave three
// keys of one rotation active: a key with the one that it replaces and the one that
// replaces it, or with two that replace it.
func CheckImport(ctx context.Context, keys Store, imported []Key, now time.Time) error {
	if len(imported) == 0 {
		return nil
	}
	stored, err := keys.KeysOf(ctx, imported[0].Tenant)
	if err != nil {
		return fault.Wrap("apikey.CheckImport", fault.Unavailable, err)
	}
	active := map[ID]*Key{}
	for _, list := range [][]Key{stored, imported} {
		for i := range list {
			delete(active, list[i].ID)
			if list[i].Active(now) {
				active[list[i].ID] = &list[i]
			}
		}
	}
	related := map[ID][]ID{} // each active key, with the active ones that it replaces or that replace it
	for id, k := range active {
		if active[k.Replaces] != nil {
			related[id] = append(related[id], k.Replaces)
			related[k.Replaces] = append(related[k.Replaces], id)
		}
	}
	for _, k := range imported {
		for _, id := range append(related[k.ID], k.ID) {
			if len(related[id]) < 2 {
				continue
			}
			three := append(related[id][:2:2], id)
			slices.Sort(three)
			return fault.Errorf(fault.Conflict, "keys %s, %s and %s of one rotation would be active, at most two are allowed: revoke one, or leave it out",
				three[0], three[1], three[2])
		}
	}
	return nil
}

func (k *Key) until() string {
	if k.Expires.IsZero() {
		return "without an end"
	}
	return "until " + k.Expires.UTC().Format(time.RFC3339)
}

func missingKey(id ID, err error) error {
	if fault.Is(err, fault.NotFound) {
		return &fault.Error{Code: fault.NotFound, Message: "key " + string(id) + " does not exist", Err: err}
	}
	return fault.Wrap("apikey.Key", fault.Unavailable, err)
}
