package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/internal/watch"
)

// TestFolder with notifications and with polling: editors write a file in place, or
// write another one and rename it; folders come and go.
func TestFolder(t *testing.T) {
	for name, o := range map[string]*watch.Options{"notifications": nil, "polling": {Poll: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			do := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			path := func(rel string) string { return filepath.Join(dir, filepath.FromSlash(rel)) }
			do(os.MkdirAll(path("acme"), 0o755))
			do(os.WriteFile(path("acme/a.json"), []byte("1"), 0o644))
			ctx, stop := context.WithCancel(t.Context())
			changes, ended := make(chan string, 100), make(chan struct{})
			go func() {
				defer close(ended)
				watch.Folder(ctx, dir, o, func(paths []string) { changes <- strings.Join(paths, " ") })
			}()
			// The first scan is done when a change is reported.
			for i, begun := 0, false; !begun; i++ {
				do(os.WriteFile(path("begin.txt"), []byte(strings.Repeat("x", i)), 0o644))
				select {
				case <-changes:
					begun = true
				case <-time.After(50 * time.Millisecond):
				}
			}
			for _, step := range []struct {
				want string
				do   func() error
			}{
				{"acme/a.json", func() error { return os.WriteFile(path("acme/a.json"), []byte("22"), 0o644) }},
				{"acme/a.json", func() error {
					if err := os.WriteFile(path("acme/.a.json.swp"), []byte("333"), 0o644); err != nil {
						return err
					}
					return os.Rename(path("acme/.a.json.swp"), path("acme/a.json"))
				}},
				{"other/tests/t.json", func() error {
					if err := os.MkdirAll(path("other/tests"), 0o755); err != nil {
						return err
					}
					return os.WriteFile(path("other/tests/t.json"), []byte("{}"), 0o644)
				}},
				{"other/tests/t.json", func() error { return os.WriteFile(path("other/tests/t.json"), []byte("[1]"), 0o644) }},
				{"other/tests/t.json", func() error { return os.RemoveAll(path("other")) }},
				{"acme/a.json", func() error { return os.Remove(path("acme/a.json")) }},
			} {
				for drained := false; !drained; { // a late report of begin.txt
					select {
					case <-changes:
					default:
						drained = true
					}
				}
				do(step.do())
				deadline := time.After(30 * time.Second)
				for got := ""; !strings.Contains(got, step.want); {
					select {
					case got = <-changes:
					case <-deadline:
						t.Fatalf("no report of %s", step.want)
					}
				}
			}
			stop()
			<-ended
		})
	}
}
