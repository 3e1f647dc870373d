package eventbridge

import (
	"strings"

	"github.com/blockforger/eventrouter/events"
)

// The ARNs of what is here. All are in one account and region.

func (s *Service) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + s.opts.Region + ":" + s.opts.Account + ":" + resource
}

func (s *Service) busARN(name string) string { return s.arn("events", "event-bus/"+name) }

// ruleARN leaves the default bus out, as AWS does.
func (s *Service) ruleARN(bus, rule string) string {
	if bus == defaultBus {
		return s.arn("events", "rule/"+rule)
	}
	return s.arn("events", "rule/"+bus+"/"+rule)
}

// resolveBus turns a bus's name or ARN, or "", into its ARN, and into its name
// where it is a bus of this account and region; else the name is "".
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

// validARN checks the form that all ARNs have: arn:partition:service:region:account:resource.
func validARN(s string) bool {
	part := strings.SplitN(s, ":", 6)
	return len(part) == 6 && part[0] == "arn" && part[1] != "" && part[2] != "" && part[5] != ""
}
