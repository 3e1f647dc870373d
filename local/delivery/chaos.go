package delivery

import (
	"math/rand/v2"
	"time"
)

// Chaos injects faults into deliveries, so that a tenant can test that nothing is
// lost. Rates are from 0 to 1; the zero value injects nothing.
type Chaos struct {
	Duplicates float64       // how many deliveries are made twice
	Fail       float64       // how many attempts fail as a throttled target does
	Delay      time.Duration // deliveries wait a random time up to this
}

// throttle returns the error of a throttled target as often as Fail says.
func (c *Chaos) throttle() *Error {
	if c.Fail > 0 && rand.Float64() < c.Fail {
		return Retryable("THROTTLING", "Chaos: the target was throttled on purpose.")
	}
	return nil
}

// Duplicate reports whether a delivery is to be made twice.
func (c *Chaos) Duplicate() bool { return c.Duplicates > 0 && rand.Float64() < c.Duplicates }

// Wait returns how long a delivery is to wait.
func (c *Chaos) Wait() time.Duration {
	if c.Delay <= 0 {
		return 0
	}
	return rand.N(c.Delay)
}
