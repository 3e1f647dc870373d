package events

import (
	"strings"

	"github.com/blockforger/eventrouter/fault"
)

// A BusARN names an event bus: arn:{partition}:events:{region}:{account}:event-bus/{name}.
// One made by [ParseBusARN] or [DefaultBus] is well formed.
type BusARN string

// ParseBusARN checks s. The error is Invalid and names the part that is wrong.
func ParseBusARN(s string) (BusARN, error) {
	refuse := func(reason string) (BusARN, error) {
		return "", fault.Errorf(fault.Invalid, "%q is not the ARN of an event bus: %s", s, reason)
	}
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" {
		return refuse("want arn:aws:events:REGION:ACCOUNT:event-bus/NAME")
	}
	kind, name, _ := strings.Cut(part[5], "/")
	switch {
	case !isPartition(part[1]):
		return refuse("the partition must be aws, aws-cn, aws-us-gov or the like")
	case part[2] == "eventsv2" || strings.HasPrefix(kind, "event-busv2"):
		return refuse("the newer custom event bus (event-busv2) takes no PutEvents of this kind; name a Classic bus, event-bus/NAME")
	case part[2] != "events":
		return refuse("the service must be events")
	case !isRegion(part[3]):
		return refuse("the region must look like us-east-1")
	case len(part[4]) != 12 || !only(part[4], isDigit):
		return refuse("the account must have 12 digits")
	case kind == "rule":
		return refuse("this is a rule's ARN; name the bus, event-bus/NAME")
	case kind != "event-bus":
		return refuse("the resource must be event-bus/NAME")
	case !isBusName(name):
		return refuse("the bus name must be 1 to 256 letters, digits and . _ -, or a partner's, aws.partner/NAME/NAME")
	}
	return BusARN(s), nil
}

// DefaultBus returns the ARN of an account's default bus.
func DefaultBus(partition, region, account string) BusARN {
	return BusARN("arn:" + partition + ":events:" + region + ":" + account + ":event-bus/default")
}

// Region returns the region that the bus is in.
func (a BusARN) Region() string { return a.part(3) }

// Account returns the account that owns the bus.
func (a BusARN) Account() string { return a.part(4) }

// Name returns the bus's name, without "event-bus/".
func (a BusARN) Name() string {
	_, name, _ := strings.Cut(a.part(5), "/")
	return name
}

func (a BusARN) part(n int) string {
	part := strings.SplitN(string(a), ":", 6)
	if n >= len(part) {
		return ""
	}
	return part[n]
}

// The checks do not use regular expressions because compiling these took a tenth
// of a cold start.

// isPartition accepts aws, aws-cn, aws-us-gov and similar names.
func isPartition(s string) bool {
	words := strings.Split(s, "-")
	return words[0] == "aws" && all(words[1:], func(w string) bool { return w != "" && only(w, isLower) })
}

// isRegion accepts us-east-1, us-gov-west-1 and similar names.
func isRegion(s string) bool {
	words := strings.Split(s, "-")
	last := len(words) - 1
	return last >= 2 && len(words[0]) >= 2 && len(words[last]) >= 1 && len(words[last]) <= 2 && only(words[last], isDigit) &&
		all(words[:last], func(w string) bool { return w != "" && only(w, isLower) })
}

// isBusName applies the rule of CreateEventBus: no bus but a partner's has a name
// with a slash.
func isBusName(s string) bool {
	if len(s) > 256 {
		return false
	}
	isPart := func(s string) bool {
		return s != "" && only(s, func(c byte) bool { return alphanumeric(c) || c == '.' || c == '_' || c == '-' })
	}
	parts := strings.Split(s, "/")
	return all(parts, isPart) && (len(parts) == 1 || len(parts) >= 3 && parts[0] == "aws.partner")
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func only(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return true
}

func all(words []string, is func(string) bool) bool {
	for _, w := range words {
		if !is(w) {
			return false
		}
	}
	return true
}
