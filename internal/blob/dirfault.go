package blob

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/blockforger/eventrouter/fault"
)

// missing reports whether err means that the file does not exist, or that its
// parent is not a directory.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// dirFault returns an error of the file system with a code, and with a message that
// says how to correct it. Errors that have a code are returned unchanged.
func dirFault(op, key string, err error) error {
	if err == nil {
		return nil
	}
	if coded, ok := errors.AsType[*fault.Error](err); ok {
		if coded == errNoFile {
			return fault.Errorf(fault.NotFound, "object %q does not exist: there is a directory or a special file in its place", key)
		}
		return err
	}
	code, words := fault.Unavailable, "could not be used"
	switch {
	case missing(err):
		code, words = fault.NotFound, "does not exist"
	case errors.Is(err, syscall.EROFS):
		code, words = fault.Denied, "is on a read-only file system"
	case errors.Is(err, fs.ErrPermission):
		code, words = fault.Denied, "may not be accessed: check owner and mode of the file and its directory"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		words = "cannot be written: the disk is full"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENOTEMPTY), errors.Is(err, syscall.EEXIST):
		code, words = fault.Invalid, "is in the place of a directory"
	// Package os exports no value for this error.
	case strings.Contains(err.Error(), "path escapes from parent"):
		code, words = fault.Denied, "is reached by a symbolic link that leads out of the directory"
	}
	return &fault.Error{Code: code, Op: "blob." + op, Message: fmt.Sprintf("object %q %s", key, words), Err: err}
}
