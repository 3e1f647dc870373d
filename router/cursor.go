package router

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A cursor is a checksum over tenant, schema and key, followed by the last key of
// a page, in base64url. The checksum is not secret: a caller who computes one can
// only choose where to start in a list that its API key can read anyway. It
// prevents using a cursor for another list, and detects damage.
const cursorSum = 8

func newCursor(at store.Collection, last events.RecordKey) string {
	sum := sumCursor(at, last)
	return base64.RawURLEncoding.EncodeToString(append(sum[:cursorSum:cursorSum], last...))
}

func parseCursor(cursor string, at store.Collection) (events.RecordKey, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) <= cursorSum {
		return "", errCursor
	}
	last, err := events.ParseRecordKey(string(b[cursorSum:]))
	if sum := sumCursor(at, last); err != nil || string(sum[:cursorSum]) != string(b[:cursorSum]) {
		return "", errCursor
	}
	return last, nil
}

var errCursor = fault.Errorf(fault.Invalid, "cursor is not from this list; start again without it")

func sumCursor(at store.Collection, last events.RecordKey) [sha256.Size]byte {
	// No id and no key holds a NUL.
	return sha256.Sum256([]byte("cursor\x00" + string(at.Tenant) + "\x00" + string(at.Schema) + "\x00" + string(last)))
}
