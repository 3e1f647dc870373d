// Package claimstest is the conformance suite for implementations of typed.Claims.
package claimstest

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// Run tests the claims that open returns: empty, and with the given clock.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) typed.Claims) {
	t.Run("Claim", func(t *testing.T) { testClaim(t, open) })
	t.Run("Expired", func(t *testing.T) { testExpired(t, open) })
	t.Run("Race", func(t *testing.T) { testRace(t, open) })
	t.Run("Once", func(t *testing.T) { testOnce(t, open) })
}

// clock is a clock that tests set.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().Truncate(time.Second).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

type opener func(t *testing.T, now func() time.Time) typed.Claims

func claim(t *testing.T, claims typed.Claims, id, owner string, expires time.Time, want typed.ClaimResult) {
	t.Helper()
	if got, err := claims.Claim(t.Context(), id, owner, expires); err != nil || got != want {
		t.Errorf("claim of %q by %s: %v, %v; want %v", id, owner, got, err, want)
	}
}

func testClaim(t *testing.T, open opener) {
	c := newClock()
	claims := open(t, c.now)
	later := c.now().Add(time.Hour)
	claim(t, claims, "e1", "a", later, typed.Claimed)
	claim(t, claims, "e1", "b", later, typed.InProgress)
	claim(t, claims, "e2", "b", later, typed.Claimed)

	// Another owner's release changes nothing; the owner's makes it free.
	for _, owner := range []string{"b", "a"} {
		if err := claims.Release(t.Context(), "e1", owner); err != nil {
			t.Errorf("release by %s: %v", owner, err)
		}
		if owner == "b" {
			claim(t, claims, "e1", "c", later, typed.InProgress)
		}
	}
	claim(t, claims, "e1", "c", later, typed.Claimed)

	if err := claims.MarkDone(t.Context(), "e1", "a", later); !fault.Is(err, fault.Conflict) {
		t.Errorf("marked done by one who lost the claim: %v, want Conflict", err)
	}
	if err := claims.MarkDone(t.Context(), "e1", "c", later); err != nil {
		t.Error(err)
	}
	claim(t, claims, "e1", "d", later, typed.Done)
	if err := claims.Release(t.Context(), "e1", "c"); err != nil {
		t.Error(err)
	}
	claim(t, claims, "e1", "d", later, typed.Done)
	if err := claims.MarkDone(t.Context(), "e1", "d", later); !fault.Is(err, fault.Conflict) {
		t.Errorf("marked done twice: %v, want Conflict", err)
	}
}

func testExpired(t *testing.T, open opener) {
	c := newClock()
	claims := open(t, c.now)
	claim(t, claims, "e", "a", c.now().Add(time.Minute), typed.Claimed)
	c.advance(time.Minute - time.Second)
	claim(t, claims, "e", "b", c.now().Add(time.Minute), typed.InProgress)
	c.advance(time.Second)
	claim(t, claims, "e", "b", c.now().Add(time.Minute), typed.Claimed)
	if err := claims.MarkDone(t.Context(), "e", "a", c.now().Add(time.Hour)); !fault.Is(err, fault.Conflict) {
		t.Errorf("marked done by the owner of an expired claim: %v, want Conflict", err)
	}
	if err := claims.MarkDone(t.Context(), "e", "b", c.now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	c.advance(time.Hour - time.Second)
	claim(t, claims, "e", "c", c.now().Add(time.Hour), typed.Done)
	c.advance(time.Second)
	claim(t, claims, "e", "c", c.now().Add(time.Hour), typed.Claimed)
}

// testRace: of many owners at once one gets the claim.
func testRace(t *testing.T, open opener) {
	c := newClock()
	claims := open(t, c.now)
	for round := range 5 {
		var claimed atomic.Int64
		var wg sync.WaitGroup
		for owner := range 8 {
			wg.Go(func() {
				got, err := claims.Claim(t.Context(), "race"+strconv.Itoa(round), strconv.Itoa(owner), c.now().Add(time.Hour))
				if err != nil {
					t.Error(err)
				}
				if got == typed.Claimed {
					claimed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := claimed.Load(); n != 1 {
			t.Errorf("%d owners got the claim, want 1", n)
		}
	}
}

type ordered struct {
	ID string `json:"id"`
}

// testOnce: a consumer handles an event once, and again after a failure or a
// crash.
func testOnce(t *testing.T, open opener) {
	c := newClock()
	claims := open(t, c.now)
	handled, fail := 0, false
	registry := typed.NewRegistry(typed.Map{{Source: "shop", DetailType: "Ordered"}: typed.Decode[ordered]})
	consumer := typed.On(registry, func(context.Context, ordered) error {
		handled++
		if fail {
			return errors.New("fails")
		}
		return nil
	}).Once(claims, &typed.OnceOptions{Expiry: time.Minute, Remember: time.Hour, Now: c.now})
	deliver := func(id string) error {
		_, err := consumer.Handle(t.Context(), []byte(fmt.Sprintf(`{"id":%q,"source":"shop","detail-type":"Ordered","detail":{}}`, id)))
		return err
	}
	for range 3 {
		if err := deliver("e1"); err != nil || handled != 1 {
			t.Errorf("%v, handled %d times, want 1", err, handled)
		}
	}
	fail = true
	if err := deliver("e2"); err == nil || handled != 2 {
		t.Errorf("a handler that fails: %v, handled %d times", err, handled)
	}
	fail = false
	if err := deliver("e2"); err != nil || handled != 3 {
		t.Errorf("a failed event is not handled again: %v, %d times", err, handled)
	}
	// A process that died has a claim and did not mark it.
	id := typed.DeliveryID(&events.Envelope{Source: "shop", ID: "e3"})
	claim(t, claims, id, "dead", c.now().Add(time.Minute), typed.Claimed)
	if err := deliver("e3"); !fault.Is(err, fault.Unavailable) || handled != 3 {
		t.Errorf("an event in progress: %v, handled %d times; want Unavailable", err, handled)
	}
	c.advance(time.Minute)
	if err := deliver("e3"); err != nil || handled != 4 {
		t.Errorf("an expired claim: %v, handled %d times, want 4", err, handled)
	}
	if err := deliver(""); !fault.Is(err, fault.Invalid) {
		t.Errorf("an event without an id: %v, want Invalid", err)
	}
}
