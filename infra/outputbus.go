package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// An OutputBus is an entry of the allow-list: a bus that the function may
// publish to and, where they are given, the tenants and sources that may use
// it. IAM knows sources, but no tenants: the function checks those.
type OutputBus struct {
	ARN     string   `json:"arn"`
	Tenants []string `json:"tenants,omitempty"`
	Sources []string `json:"sources,omitempty"`
}

var (
	busARN   = regexp.MustCompile(`^arn:aws(-[a-z]+)*:events:[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:event-bus/[A-Za-z0-9/._-]{1,256}$`)
	tenantID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
)

const wantBusARN = "arn:aws:events:REGION:ACCOUNT:event-bus/NAME"

// mostAllowList is how long the allow-list may be as JSON: Lambda has 4 KB for
// all environment variables of a function.
const mostAllowList = 3 << 10

func (c *contextReader) outputBuses(key string) []OutputBus {
	var buses []OutputBus
	for i, v := range c.list(key) {
		bus, err := outputBus(v)
		if err != nil {
			c.refuse(key, "entry %d: %v", i+1, err)
			continue
		}
		buses = append(buses, bus)
	}
	if n := len(allowList(buses)); n > mostAllowList {
		c.refuse(key, "the list takes %d bytes as JSON, and a function's environment has room for %d; name fewer buses", n, mostAllowList)
	}
	return buses
}

func outputBus(v any) (OutputBus, error) {
	var bus OutputBus
	switch v := v.(type) {
	case string:
		bus.ARN = v
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			var err error
			switch name {
			case "arn":
				bus.ARN, _ = v[name].(string)
			case "tenants":
				bus.Tenants, err = stringsOf(v[name])
			case "sources":
				bus.Sources, err = stringsOf(v[name])
			default:
				err = fmt.Errorf("there is no such member; those that are: arn, tenants, sources")
			}
			if err != nil {
				return bus, fmt.Errorf("%s: %w", name, err)
			}
		}
	default:
		return bus, fmt.Errorf("must be an ARN, or an object with arn, tenants and sources, not %s", kind(v))
	}
	return bus, bus.check()
}

func (b OutputBus) check() error {
	switch {
	case strings.Contains(b.ARN, ":event-busv2") || strings.Contains(b.ARN, ":eventsv2:"):
		return fmt.Errorf("%q is a newer custom event bus, which takes no PutEvents of this kind; want %s", b.ARN, wantBusARN)
	case !busARN.MatchString(b.ARN):
		return fmt.Errorf("%q is not the ARN of an event bus; want %s", b.ARN, wantBusARN)
	}
	for _, t := range b.Tenants {
		if !tenantID.MatchString(t) {
			return fmt.Errorf("tenants: %q is not a tenant's id: 1 to 64 letters, digits, _ and -", t)
		}
	}
	for _, s := range b.Sources {
		if s == "" || s == deployment.InputSource || strings.HasPrefix(s, "aws.") {
			return fmt.Errorf("sources: the router cannot publish with source %q", s)
		}
	}
	return nil
}

func stringsOf(v any) ([]string, error) {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("must be an array of one or more strings")
	}
	out := make([]string, len(list))
	for i, one := range list {
		if out[i], ok = one.(string); !ok {
			return nil, fmt.Errorf("entry %d must be a string, not %s", i+1, kind(one))
		}
	}
	return out, nil
}

// allowList is the form that the function reads; see tenant.ParseAllowList.
func allowList(buses []OutputBus) string {
	if len(buses) == 0 {
		return "[]"
	}
	text, _ := json.Marshal(buses) // strings always marshal
	return string(text)
}
