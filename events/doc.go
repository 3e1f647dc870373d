// Package events defines the basic types of the event router: ids, operations, the
// [Envelope] that EventBridge delivers, its [Input], and the [Entry] that is
// published. Package events/typed decodes an envelope into a Go type by its source
// and detail-type.
//
//	e, err := events.DecodeEnvelope(payload)
//	in, err := events.DecodeInput(&e)
//
// All documents are read by one strict codec. It rejects JSON with a repeated name,
// invalid UTF-8, nesting deeper than [MaxDepth] or more than [MaxBytes], and
// reports the position. Numbers keep all their digits.
//
// Values are plain data: they may be read, but not changed, concurrently.
package events

// Names and limits shared by EventBridge and the router.
const (
	// InputSource is the source of every input event.
	InputSource = "blockforger-input"
	// OutputSource is the source of output events whose rule has none.
	OutputSource = "blockforger-output"

	// MaxBytes is the largest document that is read, in bytes. PutEvents accepts
	// no larger one.
	MaxBytes = 1 << 20
	// MaxDepth is the deepest nesting that is read.
	MaxDepth = 64
	// MaxDetailType is the longest detail-type that EventBridge accepts, in characters.
	MaxDetailType = 128
	// MaxHops is the hop at which a loop through a third system is stopped.
	MaxHops = 5
)
