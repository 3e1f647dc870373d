package wal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/internal/powerfailure"
)

// A record survives a power failure at any point after its append, and the log opens
// without repair, also if the power failed during an append or a removal.
func TestPowerFailure(t *testing.T) {
	powerfailure.Run(t, func(d *powerfailure.Disk) {
		content := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", i*700)) }
		l, _ := openLog(t, d.Dir, 0)
		const removed = 4
		for i := range 9 {
			if i == removed {
				if err := l.Remove(); err != nil {
					t.Fatal(err)
				}
			}
			appendAll(t, l, content(i))
			d.Acknowledge()
		}
		d.Check(func(t testing.TB, dir string, acknowledged int) {
			after := 0
			if acknowledged >= removed {
				after = removed
			}
			l, got := openLog(t, dir, uint64(after))
			defer l.Close()
			if len(got) < acknowledged-after {
				t.Fatalf("%d records after %d", len(got), after)
			}
			for i, record := range got {
				if record != content(after+i) {
					t.Fatalf("record %d is %.10q", after+i+1, record)
				}
			}
		})
	})
}
