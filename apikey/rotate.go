package apikey

import (
	"context"
	"io"
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
// the new key does; zero is never. A key that is not active cannot be rotated:
// Conflict. The new key is stored before the old one is given its end: a crash
// between the two leaves both working.
func Rotate(ctx context.Context, keys Store, id ID, overlap time.Duration, expires, now time.Time, random io.Reader) (Key, events.Secret, error) {
	old, err := keys.Key(ctx, id)
	if err != nil {
		return Key{}, "", missingKey(id, err)
	}
	if reason := old.inactive(now); reason != "" {
		return Key{}, "", fault.Errorf(fault.Conflict, "key %s %s; create a new one", id, reason)
	}
	fresh, secret, err := New(old.Tenant, old.Permissions, expires, now, random)
	if err != nil {
		return Key{}, "", err
	}
	if err := keys.PutKey(ctx, fresh); err != nil {
		return Key{}, "", fault.Wrap("apikey.Rotate", fault.Unavailable, err)
	}
	if end := now.Add(overlap); old.Expires.IsZero() || end.Before(old.Expires) {
		old.Expires = end
		if err := keys.PutKey(ctx, old); err != nil {
			return Key{}, "", fault.Wrap("apikey.Rotate", fault.Unavailable, err)
		}
	}
	return fresh, secret, nil
}

func missingKey(id ID, err error) error {
	if fault.Is(err, fault.NotFound) {
		return &fault.Error{Code: fault.NotFound, Message: "key " + string(id) + " does not exist", Err: err}
	}
	return fault.Wrap("apikey.Key", fault.Unavailable, err)
}
