package durable

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// SyncData makes the content and the size of a file durable.
func SyncData(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
