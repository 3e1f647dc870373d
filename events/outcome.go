package events

// Outcomes end the detail-types of outcome events: {schema}.{operation}.accepted
// and {schema}.{operation}.rejected.
const (
	Accepted = "accepted"
	Rejected = "rejected"
)
