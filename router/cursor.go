package router

import (
	"crypto/sha256"
	"encoding/base64"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A cursor is the last key of a page behind a checksum over tenant, schema and
// key, in base64url. The checksum is no secret: whoever computes one can say
// where to start in a list that the API key lets them read anyway. It keeps a
// cursor from being used on another list, and damage from passing for a place.
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

var errCursor = fault.Errorf(fault.Invalid, "cursor is not one that this list has given out; start again without it")

func sumCursor(at store.Collection, last events.RecordKey) [sha256.Size]byte {
	// No id and no key holds a NUL.
	return sha256.Sum256([]byte("cursor\x00" + string(at.Tenant) + "\x00" + string(at.Schema) + "\x00" + string(last)))
}
