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
	// MaxPositive and MaxNegative are how long a key is cached at most: one that
	// exists, and that a key does not exist (R51).
	MaxPositive = 30 * time.Second
	MaxNegative = 5 * time.Second
)

// AuthenticatorOptions say what an [Authenticator] needs not be told. The zero
// value, and nil, are defaults.
type AuthenticatorOptions struct {
	Clock              func() time.Time // by default [time.Now]
	Positive, Negative time.Duration    // at most and by default [MaxPositive] and [MaxNegative]
	MaxEntries         int              // keys that are remembered; 10,000 by default
}

// An Authenticator checks API keys. A key that is revoked is refused at most 30
// seconds later, and a new one taken at most 5 seconds later. It is safe for
// concurrent use.
type Authenticator struct {
	keys               Store
	clock              func() time.Time
	positive, negative time.Duration
	cache              *cache.Cache[ID, *knownKey]
}

// A knownKey is a key as it was read, and whether its use today is noted.
type knownKey struct {
	Key
	noted atomic.Int64 // the last day, in days since 1970
}

// NewAuthenticator makes one that reads keys from where they are stored.
func NewAuthenticator(keys Store, o *AuthenticatorOptions) *Authenticator {
	if o == nil {
		o = &AuthenticatorOptions{}
	}
	a := &Authenticator{keys: keys, clock: o.Clock,
		positive: atMost(o.Positive, MaxPositive), negative: atMost(o.Negative, MaxNegative)}
	if a.clock == nil {
		a.clock = time.Now
	}
	most := o.MaxEntries
	if most <= 0 {
		most = 10_000
	}
	a.cache = cache.New[ID, *knownKey](a.clock, most)
	return a
}

// Authenticate answers the key that a secret belongs to, where that key is
// active, is the tenant's, and has the permission. Whatever else is the case is
// one and the same Unauthenticated fault, whose cause is for the log alone and
// names at most the key id. Where keys cannot be read, it is Unavailable.
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
	// An unknown id is compared too, with zeroes, so that it takes as long.
	same := subtle.ConstantTimeCompare(hash[:], k.Hash[:]) == 1
	reason := k.inactive(a.clock())
	switch {
	case unknown:
		reason = "is unknown"
	case !same:
		reason = "has another secret"
	case k.Tenant != t:
		reason = "belongs to another tenant"
	case reason != "":
	case !k.Allows(p):
		reason = "lacks permission " + string(p)
	default:
		a.note(ctx, known)
		return k, nil
	}
	return Key{}, unauthenticated(fmt.Errorf("key %s %s", id, reason))
}

// note has the day of a key's use written down, once a day and not once a call.
// Where that fails the key is as good as ever, and the next reading of it tries
// again.
func (a *Authenticator) note(ctx context.Context, k *knownKey) {
	const day = 24 * time.Hour
	today := a.clock().UTC().Truncate(day)
	days := int64(today.Sub(time.Unix(0, 0)) / day)
	if k.LastUsed.Before(today) && k.noted.Swap(days) < days {
		_ = a.keys.TouchKey(ctx, k.ID, today)
	}
}

// load reads a key. A fault of the store is not remembered.
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
