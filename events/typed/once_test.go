package typed_test

import (
	"testing"
	"time"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/events/typed/claimstest"
)

func TestMemoryClaims(t *testing.T) {
	claimstest.Run(t, func(_ *testing.T, now func() time.Time) typed.Claims { return &typed.MemoryClaims{Now: now} })
}
