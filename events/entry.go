package events

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// An Entry is an event to be sent with PutEvents.
type Entry struct {
	// OutputID is stable: each attempt to publish the entry has the same one, so
	// that a consumer can drop duplicates.
	OutputID    string
	Bus         BusARN
	Source      string
	DetailType  DetailType
	Resources   []string
	Time        time.Time
	TraceHeader string
	Detail      jsontext.Value
}

// MaxEntries is the number of entries that PutEvents accepts in one call.
const MaxEntries = 10

// Size returns the bytes that EventBridge counts towards [MaxBytes]: 14 bytes
// for a time, and the UTF-8 bytes of source, detail-type, detail and resources.
func (e *Entry) Size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if !e.Time.IsZero() {
		n += 14
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}
