// Package events holds the vocabulary of the event router: the ids, the
// operations, the [Envelope] that EventBridge delivers, the [Input] inside it,
// and the [Entry] that is published. Package events/typed turns an envelope into
// a Go type by its source and detail-type.
//
// All documents are read by one strict codec: JSON with a repeated name,
// invalid UTF-8, a nesting deeper than [MaxDepth] or more than [MaxBytes] is a
// fault of the caller's, with the place; and numbers keep their digits.
//
// Values are plain data: safe to share once made, not to be changed by two
// goroutines at once.
package events

// What EventBridge and this router agree upon.
const (
	// InputSource is the source of every input event.
	InputSource = "blockforger-input"
	// OutputSource is the source of output events whose rule names none.
	OutputSource = "blockforger-output"

	// MaxBytes is the largest document that is read, in bytes. PutEvents takes
	// no larger one.
	MaxBytes = 1 << 20
	// MaxDepth is the deepest nesting that is read.
	MaxDepth = 64
	// MaxDetailType is the longest detail-type that EventBridge takes, in characters.
	MaxDetailType = 128
	// MaxHops is the hop at which a loop through a third system is cut.
	MaxHops = 5
)
