package events

import "github.com/blockforger/eventrouter/fault"

// An Operation is an operation on a record.
type Operation string

// The operations. GET is available over REST only.
const (
	Post   Operation = "POST"   // create
	Put    Operation = "PUT"    // replace
	Patch  Operation = "PATCH"  // merge, RFC 7396
	Delete Operation = "DELETE" // remove
	Get    Operation = "GET"    // read
)

// Writes lists the operations that change a record, in the order of documents and
// tables.
var Writes = [...]Operation{Post, Put, Patch, Delete}

// ParseWrite returns the operation named s that changes a record. The error is
// Invalid.
func ParseWrite(s string) (Operation, error) {
	for _, op := range Writes {
		if s == string(op) {
			return op, nil
		}
	}
	return "", fault.Errorf(fault.Invalid, "operation %q is unknown; known are POST, PUT, PATCH and DELETE", s)
}
