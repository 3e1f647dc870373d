package boltdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The lock itself is the kernel's, on the data file. The file beside it only
// says whose it is; left behind by a crash it misleads no one, since it is read
// only while the lock is held.
func lockFile(path string) string { return path + ".pid" }

// sign writes who holds the lock. Arguments are left out: they may hold secrets.
func sign(path string) error {
	line := fmt.Sprintf("process %d (%s) since %s\n", os.Getpid(), filepath.Base(os.Args[0]), time.Now().UTC().Format(time.RFC3339))
	return os.WriteFile(lockFile(path), []byte(line), 0o600)
}

func unsign(path string) { _ = os.Remove(lockFile(path)) }

func holder(path string) string {
	line, err := os.ReadFile(lockFile(path))
	if text := strings.TrimSpace(string(line)); err == nil && text != "" {
		return text
	}
	return "another process"
}
