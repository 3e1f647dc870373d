package events

import "github.com/blockforger/eventrouter/fault"

// A Backend is where the records of a schema can be read. The ledger is
// authoritative for all of them; the objects and files of s3 and csv follow it.
type Backend string

const (
	DynamoDB Backend = "dynamodb" // the ledger itself is the record
	S3       Backend = "s3"       // one JSON object a record
	CSV      Backend = "csv"      // one CSV file a schema
)

// ParseBackend checks the name of a backend. The error is Invalid.
func ParseBackend(s string) (Backend, error) {
	switch b := Backend(s); b {
	case DynamoDB, S3, CSV:
		return b, nil
	}
	return "", fault.Errorf(fault.Invalid, "backend %q is unknown; known are dynamodb, s3 and csv", s)
}
