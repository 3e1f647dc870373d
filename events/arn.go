package events

import "strings"

// An ARN is the text of an AWS resource name,
// arn:{partition}:{service}:{region}:{account}:{resource}. An event may contain any
// other text instead; missing parts are "".
type ARN string

// Valid reports whether the text has the six parts of an ARN.
func (a ARN) Valid() bool {
	return strings.HasPrefix(string(a), "arn:") && strings.Count(string(a), ":") >= 5
}

// Partition returns the partition, for example aws.
func (a ARN) Partition() string { return a.part(1) }

// Service returns the service, for example ec2.
func (a ARN) Service() string { return a.part(2) }

// Region returns the region; it is "" for global resources and buckets.
func (a ARN) Region() string { return a.part(3) }

// Account returns the account; it is "" for some resources, such as buckets.
func (a ARN) Account() string { return a.part(4) }

// Resource returns the part after the account, for example
// instance/i-0123456789abcdef0.
func (a ARN) Resource() string { return a.part(5) }

func (a ARN) part(n int) string {
	if !a.Valid() {
		return ""
	}
	return strings.SplitN(string(a), ":", 6)[n]
}
