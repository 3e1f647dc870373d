package tenant

import (
	"context"
	"time"

	"github.com/blockforger/eventrouter/events"
)

// A KeyID names an API key. It is no secret: logs, bills and tables show it.
type KeyID string

// A Permission is something that an API key allows.
type Permission string

const (
	// BackendCalls allows every operation on the tenant's records.
	BackendCalls Permission = "backend_calls"
	// ReadOnly allows reads through the API.
	ReadOnly Permission = "read_only"
)

// A Key is what is stored of an API key: never the secret itself.
type Key struct {
	ID          KeyID
	Tenant      events.TenantID
	Permissions []Permission
	Hash        [32]byte // SHA-256 of the secret
	Created     time.Time
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: active
	LastUsed    time.Time // to the day; zero: never or unknown
}

// Keys is where API keys are stored. Implementations are safe for concurrent
// use; faults other than NotFound are Unavailable or Internal.
type Keys interface {
	// Key reads one; NotFound where there is none.
	Key(ctx context.Context, id KeyID) (Key, error)
	// PutKey creates or replaces one.
	PutKey(ctx context.Context, k Key) error
	// TouchKey notes the day on which a key was used, and nothing else: a
	// revocation at the same time stands. A key that is gone is no error.
	TouchKey(ctx context.Context, id KeyID, day time.Time) error
	// KeysOf lists a tenant's keys, oldest first.
	KeysOf(ctx context.Context, t events.TenantID) ([]Key, error)
}
