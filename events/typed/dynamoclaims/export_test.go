package dynamoclaims

import "time"

// SetNow sets the clock of claims.
func SetNow(c *Claims, now func() time.Time) { c.now = now }
