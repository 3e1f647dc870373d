package apikey

import (
	"context"
	"crypto/subtle"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/cache"
)

const (
	// MaxPositive is the longest time for which a key is cached (R51), MaxNegative
	// the longest time for which the absence of a key is cached.
	MaxPositive = 30 * time.Second
	MaxNegative = 5 * time.Second
)

// AuthenticatorOptions configures an [Authenticator]; nil and the zero value use the
// defaults.
type AuthenticatorOptions struct {
	Clock              func() time.Time // by default [time.Now]
	Positive, Negative time.Duration    // at maxEntries and by default [MaxPositive] and [MaxNegative]
	MaxEntries         int              // cached keys; 10,000 by default
}

// An Authenticator checks API keys. A revoked key is rejected within 30 seconds, and
// a new key is accepted within 5 seconds. It is safe for concurrent use.
type Authenticator struct {
	keys               Store
	clock              func() time.Time
	positive, negative time.Duration
	cache              *cache.Cache[ID, *knownKey]
}

// A knownKey is a cached key and the day for which its use was stored.
type knownKey struct {
	Key
	recorded atomic.Int64 // the last day, in days since 1970
}

// NewAuthenticator returns an authenticator that reads keys from a store.
func NewAuthenticator(keys Store, o *AuthenticatorOptions) *Authenticator {
	if o == nil {
		o = &AuthenticatorOptions{}
	}
	a := &Authenticator{keys: keys, clock: o.Clock,
		positive: atMost(o.Positive, MaxPositive), negative: atMost(o.Negative, MaxNegative)}
	if a.clock == nil {
		a.clock = time.Now
	}
	maxEntries := o.MaxEntries
	if maxEntries <= 0 {
		maxEntries = 10_000
	}
	a.cache = cache.New[ID, *knownKey](a.clock, maxEntries)
	return a
}

// Authenticate returns the key that a secret belongs to, if the key is active,
// belongs to tenant t and has permission p. In every other case it returns the same
// Unauthenticated error. The cause of that error is only for the log and contains no
// more than the key id. If the key cannot be read, the error is Unavailable.
func (a *Authenticator) Authenticate(ctx context.Context, secret events.Secret, t events.TenantID, p Permission) (Key, error) {
	id, hash, err := Parse(secret)
	if err != nil {
		return Key{}, unauthenticated(err)
	}
	known, err := a.cache.Get(ctx, id, func(ctx context.Context, _ cache.Loaded[*knownKey]) cache.Loaded[*knownKey] { return a.load(ctx, id) })
	unknown := fault.Is(err, fault.NotFound)
	if err != nil && !unknown {
		return Key{}, &fault.Error{Code: fault.Unavailable, Op: "apikey.Authenticate", Err: err}
	}
	var k Key
	if !unknown {
		k = known.Key
	}
	// Unknown ids are compared too, with a zero hash, so that the response time does
	// not reveal whether an id exists.
	same := subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1
	reason := k.inactive(a.clock())
	switch {
	case unknown:
		reason = "is unknown"
	case !same:
		reason = "does not match the secret"
	case k.Tenant != t:
		reason = "belongs to another tenant"
	case reason != "":
	case !k.Allows(p):
		reason = "lacks permission " + string(p)
	default:
		a.recordUse(ctx, known)
		return k, nil
	}
	return Key{}, unauthenticated(fmt.Errorf("key %s %s", id, reason))
}

// recordUse stores the day on which a key was last used, at maxEntries once a day. An
// error is ignored: the key stays valid, and the update is repeated after the key is
// next loaded.
func (a *Authenticator) recordUse(ctx context.Context, k *knownKey) {
	const day = 24 * time.Hour
	today := a.clock().UTC().Truncate(day)
	days := int64(today.Sub(time.Unix(0, 0)) / day)
	if k.LastUsed.Before(today) && k.recorded.Swap(days) < days {
		_ = a.keys.TouchKey(ctx, k.ID, today)
	}
}

// load reads a key. A fault of the store is not cached; Absent has it dropped first.
func (a *Authenticator) load(ctx context.Context, id ID) cache.Loaded[*knownKey] {
	asked := a.clock()
	k, err := a.keys.Key(ctx, id)
	switch {
	case err == nil:
		return cache.Loaded[*knownKey]{Value: &knownKey{Key: k}, Until: asked.Add(a.positive)}
	case fault.Is(err, fault.NotFound):
		return cache.Loaded[*knownKey]{Err: err, Absent: true, Until: asked.Add(a.negative)}
	}
	return cache.Loaded[*knownKey]{Err: err, Absent: true}
}

func unauthenticated(cause error) error {
	return &fault.Error{Code: fault.Unauthenticated, Message: events.KeyRefused, Err: cause}
}

// atMost returns d where it is positive and below the limit, else the limit.
func atMost(d, limit time.Duration) time.Duration {
	if d <= 0 || d > limit {
		return limit
	}
	return d
}
