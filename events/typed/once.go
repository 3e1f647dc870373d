package typed

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A ClaimResult is what came of a claim.
type ClaimResult int

const (
	// Claimed: the event is the caller's until the claim expires.
	Claimed ClaimResult = iota + 1
	// InProgress: another claim of the event has not expired.
	InProgress
	// Done: the event was handled.
	Done
)

// Claims remembers which events are handled. Implementations are safe for
// concurrent use, also by several processes where the store is shared; each call
// is atomic. Errors are Unavailable.
type Claims interface {
	// Claim claims an event for an owner until expires, unless it is done or
	// another claim of it has not expired. An expired claim is replaced.
	Claim(ctx context.Context, id, owner string, expires time.Time) (ClaimResult, error)
	// MarkDone marks the owner's event done; it may be forgotten after forget. It
	// returns Conflict where the claim expired and another owner has the event.
	MarkDone(ctx context.Context, id, owner string, forget time.Time) error
	// Release ends the owner's claim, so that the event can be claimed again at
	// once. It does nothing where the owner has no claim.
	Release(ctx context.Context, id, owner string) error
}

// OnceOptions configures [Consumer.Once]; the zero value uses the defaults.
type OnceOptions struct {
	// Expiry is how long a claim lasts. It must be longer than the queue's
	// visibility time-out, and than the handler takes, so that a redelivery finds
	// the claim; after it, the event of a handler that crashed is handled again.
	// The default is 15 minutes, the longest that a Lambda function runs.
	Expiry time.Duration
	// Remember is how long a handled event is remembered: longer than anything
	// delivers it again. The default is 35 days.
	Remember time.Duration
	// ID returns what an event is known by. The default is [DeliveryID].
	ID func(Decoded) string
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

type once struct {
	claims  Claims
	options OnceOptions
}

// Once returns a consumer that handles each event once, however often it is
// delivered: it claims the event before it calls the handler, and marks it done
// after the handler returned nil. Where the process dies in between, the event is
// handled again after the claim expired: a handler's effect happens at least once,
// and is not repeated after it is marked done. An event whose claim another
// process has is returned as an error, so that it is delivered again later.
func (c *Consumer) Once(claims Claims, options *OnceOptions) *Consumer {
	n := c.clone()
	n.once = &once{claims: claims}
	if options != nil {
		n.once.options = *options
	}
	o := &n.once.options
	if o.Expiry == 0 {
		o.Expiry = 15 * time.Minute
	}
	if o.Remember == 0 {
		o.Remember = 35 * 24 * time.Hour
	}
	if o.ID == nil {
		o.ID = DeliveryID
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return n
}

// DeliveryID returns what duplicates of an event have in common: the output id of
// an output event that has metadata, since each publishing gives it another
// envelope, and the envelope's source and id of any other. It is "" where the
// event has neither.
func DeliveryID(e Decoded) string {
	if output, ok := e.(interface{ detail() any }); ok {
		if o, ok := output.detail().(interface{ outputID() string }); ok && o.outputID() != "" {
			return "output#" + o.outputID()
		}
	}
	if raw := e.Raw(); raw.ID != "" {
		return raw.Source + "#" + raw.ID
	}
	return ""
}

func (d *OutputDetail[P]) outputID() string {
	if d.Metadata == nil {
		return ""
	}
	return d.Metadata.OutputID
}

func (o *once) do(ctx context.Context, e Decoded, handle handler) error {
	id := o.options.ID(e)
	if id == "" {
		return fault.Errorf(fault.Invalid, "event of %s has no id to recognize a duplicate by", e.Raw().Source)
	}
	owner := rand.Text()
	result, err := o.claims.Claim(ctx, id, owner, o.options.Now().Add(o.options.Expiry))
	switch {
	case err != nil:
		return fault.Wrap("typed.Once", fault.Unavailable, err)
	case result == Done:
		return nil
	case result == InProgress:
		return fault.Errorf(fault.Unavailable, "event %s is being handled by another process; it is to be delivered again", e.Raw().ID)
	}
	if err := handle(ctx, e); err != nil {
		// Best effort: else the claim expires.
		_ = o.claims.Release(context.WithoutCancel(ctx), id, owner)
		return fmt.Errorf("event %s: %w", e.Raw().ID, err)
	}
	// The effect happened: a canceled context must not keep it from being marked.
	return o.claims.MarkDone(context.WithoutCancel(ctx), id, owner, o.options.Now().Add(o.options.Remember))
}

// MemoryClaims are claims in the memory of one process. The zero value is ready
// for use.
type MemoryClaims struct {
	// Now is the clock. The default is time.Now.
	Now func() time.Time

	mu     sync.Mutex
	claims map[string]memoryClaim
	sweep  time.Time // when to look for claims to forget
}

type memoryClaim struct {
	owner string
	until time.Time
	done  bool
}

var _ Claims = (*MemoryClaims)(nil)

// sweepEvery is how often claims that are over are looked for.
const sweepEvery = time.Minute

func (m *MemoryClaims) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}

// Claim implements [Claims].
func (m *MemoryClaims) Claim(_ context.Context, id, owner string, expires time.Time) (ClaimResult, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.forget(now)
	if c, known := m.claims[id]; known && now.Before(c.until) {
		if c.done {
			return Done, nil
		}
		return InProgress, nil
	}
	if m.claims == nil {
		m.claims = make(map[string]memoryClaim)
	}
	m.claims[id] = memoryClaim{owner: owner, until: expires}
	return Claimed, nil
}

// forget removes what is over, now and then.
func (m *MemoryClaims) forget(now time.Time) {
	if now.Before(m.sweep) {
		return
	}
	m.sweep = now.Add(sweepEvery)
	for id, c := range m.claims {
		if !now.Before(c.until) {
			delete(m.claims, id)
		}
	}
}

// MarkDone implements [Claims].
func (m *MemoryClaims) MarkDone(_ context.Context, id, owner string, forget time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, known := m.claims[id]; known && (c.owner != owner || c.done) {
		return fault.Errorf(fault.Conflict, "the claim of event %q expired, and another owner has it", id)
	}
	if m.claims == nil {
		m.claims = make(map[string]memoryClaim)
	}
	m.claims[id] = memoryClaim{owner: owner, until: forget, done: true}
	return nil
}

// Release implements [Claims].
func (m *MemoryClaims) Release(_ context.Context, id, owner string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, known := m.claims[id]; known && c.owner == owner && !c.done {
		delete(m.claims, id)
	}
	return nil
}
