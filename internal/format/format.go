// Package format holds the numbers of the formats in which data are stored. A
// value without a number has format 1.
//
// A program reads every format up to its own number, and rejects a value of a
// newer one without changing it: after an upgrade that was undone, the older
// program must not take newer data for its own. A change of a format adds one
// to its number, keeps the code that reads older ones, and adds a fixture to
// testdata/formats. Each record and key holds its own number, which is checked
// when it is read: records of format 2 do not change the number of the file, and
// an older program opens it and rejects only them. The number of a file changes
// with its buckets and keys; an older program does not open the file then.
package format

import (
	"errors"
	"fmt"

	"github.com/blockforger/eventrouter/fault"
)

// The newest format that this program reads, and the one that it writes.
const (
	Record      = 2 // records, in each driver; 2 adds what shared files and migrations store, see store.Record.Format
	Idempotency = 1 // idempotency records, in each driver; the fingerprint's algorithm follows from it
	Key         = 2 // API keys, in each driver; 2 adds the key that was rotated
	Counter     = 1 // usage totals, token counters and leases in DynamoDB
	LedgerFile  = 2 // the buckets and keys of ledger.db; 2 adds the write-ahead log beside the file
	LocalFile   = 2 // the buckets and keys of local.db; likewise
)

// Field returns the value of a struct's field for a format number: 0, which is
// omitted, for 1.
func Field(number int) int {
	if number == 1 {
		return 0
	}
	return number
}

// Number is the inverse of [Field].
func Number(field int) int { return max(field, 1) }

// A newerError reports a stored value whose format this program does not know.
type newerError struct {
	What   string // what has the format
	Format int64
	Known  int64 // the newest format that this program reads
}

// Error names the format and says what to do.
func (e *newerError) Error() string {
	return fmt.Sprintf("%s has format %d, this version of eventrouter reads formats up to %d: use a version that reads format %d, or restore a backup",
		e.What, e.Format, e.Known, e.Format)
}

// Check returns an error for a number above known; no number, 0, is 1. The
// error is not a rejection: a request that gets it is retried, and not lost.
func Check(what string, number, known int64) error {
	if number <= known {
		return nil
	}
	return &newerError{What: what, Format: number, Known: known}
}

// CheckFile is [Check] for a whole file. Its error is Invalid, with a message for who
// opens the file.
func CheckFile(path string, number, known int64) error {
	err := Check("data file "+path, number, known)
	if err == nil {
		return nil
	}
	return &fileError{err, fault.Errorf(fault.Invalid, "%v", err)}
}

// A fileError is a newerError with a message and a code.
type fileError struct {
	error
	coded *fault.Error
}

func (e *fileError) Unwrap() []error { return []error{e.error, e.coded} }

// IsNewer reports whether err is about a newer format.
func IsNewer(err error) bool {
	_, ok := errors.AsType[*newerError](err)
	return ok
}
