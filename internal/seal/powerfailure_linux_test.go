package seal_test

import (
	"testing"

	"github.com/blockforger/eventrouter/internal/powerfailure"
	"github.com/blockforger/eventrouter/internal/seal"
)

// A key that has been returned survives a power failure, and no failure leaves a
// key file that cannot be read.
func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		sealed := open(t, d.Dir).Seal(nil, []byte("text"), nil)
		d.Acknowledge()
		d.Check(func(t testing.TB, dir string, acknowledged int) {
			key, err := seal.Open(dir, dataFile)
			if err != nil {
				t.Fatalf("%v", err)
			}
			if _, err := key.Open(nil, sealed, nil); acknowledged > 0 && err != nil {
				t.Errorf("%v", err)
			}
		})
	})
}
