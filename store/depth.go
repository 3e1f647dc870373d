package store

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// MaxLevels is how deep a record may nest: as deep as DynamoDB nests attribute
// values, and so on every backend. The record itself is the first level.
const MaxLevels = 32

// CheckDepth verifies that a valid JSON document nests at most [MaxLevels] deep.
// The error is TooLarge.
func CheckDepth(doc jsontext.Value) error {
	if at := events.TooDeep(doc, MaxLevels); at >= 0 {
		return fault.Errorf(fault.TooLarge, "the record is nested deeper than %d levels at byte %d", MaxLevels, at)
	}
	return nil
}
