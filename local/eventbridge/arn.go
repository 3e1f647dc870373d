package eventbridge

import (
	"strings"

	"github.com/blockforger/eventrouter/events"
)

// The ARNs of the resources. All are in one account and region.

func (s *Service) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + s.opts.Region + ":" + s.opts.Account + ":" + resource
}

func (s *Service) busARN(name string) string { return s.arn("events", "event-bus/"+name) }

// ruleARN returns the ARN of a rule, which as on AWS does not contain the default
// bus.
func (s *Service) ruleARN(bus, rule string) string {
	if bus == defaultBus {
		return s.arn("events", "rule/"+rule)
	}
	return s.arn("events", "rule/"+bus+"/"+rule)
}

// resolveBus returns the ARN of a bus for its name or ARN, or the default bus for
// "", and its name, which is "" for a bus of another account or region.
func (s *Service) resolveBus(nameOrARN string) (arn, name string, err error) {
	switch {
	case nameOrARN == "":
		return s.busARN(defaultBus), defaultBus, nil
	case !strings.HasPrefix(nameOrARN, "arn:"):
		return s.busARN(nameOrARN), nameOrARN, nil
	}
	parsed, err := events.ParseBusARN(nameOrARN)
	if err != nil {
		return "", "", err
	}
	if nameOrARN == s.busARN(parsed.Name()) {
		return nameOrARN, parsed.Name(), nil
	}
	return nameOrARN, "", nil
}

// validARN reports whether a text has the form of ARNs:
// arn:partition:service:region:account:resource.
func validARN(s string) bool {
	part := strings.SplitN(s, ":", 6)
	return len(part) == 6 && part[0] == "arn" && part[1] != "" && part[2] != "" && part[5] != ""
}
