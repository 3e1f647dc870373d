package tenant

import (
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonerror"
)

// AllowedBus is an entry of a deployment's allow-list: a bus that output events may
// be published to and, optionally, the only tenants and sources that may use it.
type AllowedBus struct {
	ARN     events.BusARN     `json:"arn"`
	Tenants []events.TenantID `json:"tenants,omitempty"`
	Sources []string          `json:"sources,omitempty"`
}

// UnmarshalJSONFrom reads an ARN, or an object with arn, tenants and sources.
func (a *AllowedBus) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() == '"' {
		return json.UnmarshalDecode(dec, &a.ARN)
	}
	type plain AllowedBus
	return json.UnmarshalDecode(dec, (*plain)(a), json.RejectUnknownMembers(true))
}

// ParseAllowList reads a JSON array of ARNs and of objects with arn, tenants
// and sources. The fault is Invalid.
func ParseAllowList(text string) ([]AllowedBus, error) {
	var list []AllowedBus
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, fault.Errorf(fault.Invalid, "the allow-list of output buses must be a JSON array of ARNs, or of objects with arn, tenants and sources: %s", jsonerror.Describe([]byte(text), err))
	}
	for i, a := range list {
		if _, err := events.ParseBusARN(string(a.ARN)); err != nil {
			return nil, fault.Errorf(fault.Invalid, "entry %d of the allow-list of output buses: %s", i+1, fault.MessageOf(err))
		}
		for _, t := range a.Tenants {
			if _, err := events.ParseTenantID(string(t)); err != nil {
				return nil, fault.Errorf(fault.Invalid, "entry %d of the allow-list of output buses: %s", i+1, fault.MessageOf(err))
			}
		}
	}
	return list, nil
}

// BusesOf returns the buses on an allow-list.
func BusesOf(list []AllowedBus) []events.BusARN {
	buses := make([]events.BusARN, len(list))
	for i, a := range list {
		buses[i] = a.ARN
	}
	return buses
}

// AllowOnly returns the policy of an allow-list. The deployment's own default bus is
// always allowed.
func AllowOnly(own events.BusARN, list []AllowedBus) BusPolicy {
	return func(t events.TenantID, source string, bus events.BusARN) error {
		if bus == own {
			return nil
		}
		known := false
		for _, a := range list {
			if a.ARN != bus {
				continue
			}
			known = true
			if (len(a.Tenants) == 0 || slices.Contains(a.Tenants, t)) && (len(a.Sources) == 0 || slices.Contains(a.Sources, source)) {
				return nil
			}
		}
		if known {
			return fault.Errorf(fault.Denied, "bus %s is on the deployment's allow-list, but not for tenant %s with source %q", bus, t, source)
		}
		return fault.Errorf(fault.Denied, "bus %s is not on the deployment's allow-list (context key outputBuses)", bus)
	}
}
