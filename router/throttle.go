package router

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

// A Quota is what a tenant may use, in the view of this process.
type Quota struct {
	// Rate is how many requests a second are allowed; 0 is no limit. Burst is
	// how many may come at once, Remaining how many of those are left.
	Rate             float64
	Burst, Remaining int
	// TokensMonthly is how many tokens a month allows; 0 is no limit.
	TokensMonthly int64
}

// Window is the time in seconds in which the rate allows a burst.
func (q Quota) Window() int { return int(math.Ceil(float64(q.Burst) / q.Rate)) }

// Throttled is the error of a request beyond the tenant's rate. It is not stored:
// the same request can succeed after Wait. A REST call is rejected with it
// (Exhausted); an event is retried (Unavailable), because a rejected event would
// be lost.
type Throttled struct {
	Wait  time.Duration
	event bool
}

func (t *Throttled) Error() string {
	return fmt.Sprintf("the tenant's rate-limit-per-second is reached; wait %v", t.Wait.Round(time.Millisecond))
}

// Unwrap returns an error with the code.
func (t *Throttled) Unwrap() error {
	if t.event {
		return fault.Errorf(fault.Unavailable, "%s", t.Error())
	}
	return fault.Errorf(fault.Exhausted, "the tenant's rate-limit-per-second is reached; wait a moment")
}

// A throttle holds a token bucket for each tenant that has a rate limit. It limits
// one process: with n instances of the function a tenant has n times the rate.
type throttle struct {
	mu      sync.Mutex
	buckets map[events.TenantID]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// take takes a token for one request of a tenant.
func (t *throttle) take(owner *tenant.Tenant, event bool, now time.Time) (Quota, error) {
	q := Quota{Rate: owner.RateLimit, TokensMonthly: owner.TokenLimit}
	if owner.RateLimit <= 0 {
		return q, nil
	}
	q.Burst = max(1, int(math.Ceil(owner.RateLimit)))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.buckets == nil {
		t.buckets = map[events.TenantID]*bucket{}
	}
	b := t.buckets[owner.ID]
	if b == nil {
		b = &bucket{tokens: float64(q.Burst), at: now}
		t.buckets[owner.ID] = b
	}
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens, b.at = b.tokens+passed.Seconds()*q.Rate, now
	}
	b.tokens = min(b.tokens, float64(q.Burst)) // the limit may have been lowered
	if b.tokens < 1 {
		wait := time.Duration(math.Ceil((1-b.tokens)/q.Rate*1e3)) * time.Millisecond
		return q, &Throttled{Wait: wait, event: event}
	}
	b.tokens--
	q.Remaining = int(b.tokens)
	return q, nil
}
