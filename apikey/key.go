// Package apikey creates and checks the API keys of tenants (R8, R50, R51).
//
//	key, secret, err := apikey.New("acme", []apikey.Permission{apikey.BackendCalls}, time.Time{}, time.Now(), rand.Reader)
//	...
//	auth := apikey.NewAuthenticator(store, nil)
//	key, err = auth.Authenticate(ctx, secret, "acme", apikey.BackendCalls)
//
// The text of a key is shown once, when it is created; a [Store] holds its hash.
// Every key that does not authenticate a request leads to the same error, so that
// nothing can be probed. An [Authenticator] caches keys for at most 30 seconds and
// is safe for concurrent use; a [Key] is a plain value.
package apikey

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// An ID names an API key. It is not secret: logs, bills and tables contain it.
type ID string

// A Permission is something that an API key allows.
type Permission string

const (
	// BackendCalls allows every operation on the tenant's records.
	BackendCalls Permission = "backend_calls"
	// ReadOnly allows reads through the API.
	ReadOnly Permission = "read_only"
)

// A Key is the stored part of an API key, which does not include the secret.
type Key struct {
	ID          ID
	Tenant      events.TenantID
	Permissions []Permission
	Hash        [32]byte // SHA-256 of the secret
	Created     time.Time
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: active
	LastUsed    time.Time // to the day; zero: never or unknown
	Replaces    ID        // the key that was rotated to make this one; "" for none
}

// Format returns the number of the oldest format that can hold the key, so that an
// older version of the program can read what it understands.
func (k *Key) Format() int {
	if k.Replaces != "" {
		return 2
	}
	return 1
}

// A Store holds API keys. Implementations are safe for concurrent use; faults
// other than NotFound are Unavailable or Internal.
type Store interface {
	// Key reads one key; NotFound if there is none.
	Key(ctx context.Context, id ID) (Key, error)
	// PutKey creates or replaces a key.
	PutKey(ctx context.Context, k Key) error
	// TouchKey stores the day on which a key was last used and changes nothing else,
	// so that a concurrent revocation is kept. A missing key is not an error.
	TouchKey(ctx context.Context, id ID, day time.Time) error
	// KeysOf lists a tenant's keys, oldest first.
	KeysOf(ctx context.Context, t events.TenantID) ([]Key, error)
}
