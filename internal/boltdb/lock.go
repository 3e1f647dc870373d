package boltdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// lockFile returns the name of the file that names the process with the lock. The
// lock itself is the kernel's, on the data file. A lock file that remains after a
// crash does no harm, because it is read only while the lock is held.
func lockFile(path string) string { return path + ".pid" }

// writeHolder writes the name of this process, without its arguments, which may
// hold secrets.
func writeHolder(path string) error {
	line := fmt.Sprintf("process %d (%s) since %s\n", os.Getpid(), filepath.Base(os.Args[0]), time.Now().UTC().Format(time.RFC3339))
	return os.WriteFile(lockFile(path), []byte(line), 0o600)
}

func removeHolder(path string) { _ = os.Remove(lockFile(path)) }

func holder(path string) string {
	line, err := os.ReadFile(lockFile(path))
	if text := strings.TrimSpace(string(line)); err == nil && text != "" {
		return text
	}
	return "another process"
}
