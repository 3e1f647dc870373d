package local

import (
	"math/rand/v2"
	"time"
)

// Chaos makes deliveries go wrong on purpose, so that a tenant can see that
// nothing breaks. Rates are from 0 to 1; the zero value does nothing.
type Chaos struct {
	Duplicates float64       // how many deliveries are made twice
	Fail       float64       // how many attempts fail as a throttled target does
	Delay      time.Duration // deliveries wait a random time up to this
}

func (c *Chaos) strike() *undelivered {
	if c.Fail > 0 && rand.Float64() < c.Fail {
		return &undelivered{"THROTTLING", "Chaos: the target was throttled on purpose.", true}
	}
	return nil
}

func (c *Chaos) duplicate() bool { return c.Duplicates > 0 && rand.Float64() < c.Duplicates }

func (c *Chaos) delay() time.Duration {
	if c.Delay <= 0 {
		return 0
	}
	return rand.N(c.Delay)
}
