package events

import (
	"regexp"
	"strings"

	"github.com/blockforger/eventrouter/fault"
)

// A BusARN names an event bus: arn:{partition}:events:{region}:{account}:event-bus/{name}.
// One made by [ParseBusARN] or [DefaultBus] is well formed.
type BusARN string

var (
	arnPartition = regexp.MustCompile(`^aws(-[a-z]+)*$`)
	arnRegion    = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$`)
	arnAccount   = regexp.MustCompile(`^[0-9]{12}$`)
	arnBusName   = regexp.MustCompile(`^[A-Za-z0-9/._-]{1,256}$`)
)

// ParseBusARN checks s. The fault is Invalid and says which part is wrong.
func ParseBusARN(s string) (BusARN, error) {
	refuse := func(reason string) (BusARN, error) {
		return "", fault.New(fault.Invalid, "%q is not the ARN of an event bus: %s", s, reason)
	}
	part := strings.SplitN(s, ":", 6)
	if len(part) != 6 || part[0] != "arn" {
		return refuse("want arn:aws:events:REGION:ACCOUNT:event-bus/NAME")
	}
	kind, name, _ := strings.Cut(part[5], "/")
	switch {
	case !arnPartition.MatchString(part[1]):
		return refuse("the partition must be aws, aws-cn, aws-us-gov or the like")
	case part[2] == "eventsv2" || strings.HasPrefix(kind, "event-busv2"):
		return refuse("the newer custom event bus (event-busv2) takes no PutEvents of this kind; name a Classic bus, event-bus/NAME")
	case part[2] != "events":
		return refuse("the service must be events")
	case !arnRegion.MatchString(part[3]):
		return refuse("the region must look like us-east-1")
	case !arnAccount.MatchString(part[4]):
		return refuse("the account must have 12 digits")
	case kind == "rule":
		return refuse("this is a rule's ARN; name the bus, event-bus/NAME")
	case kind != "event-bus":
		return refuse("the resource must be event-bus/NAME")
	case !arnBusName.MatchString(name):
		return refuse("the bus name must be 1 to 256 letters, digits and / . _ -")
	}
	return BusARN(s), nil
}

// DefaultBus is the ARN of an account's default bus.
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
