package tenant

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant/properties"
)

// knownProperty is a property that a properties file may have.
type knownProperty struct {
	name string
	want string // the valid values, for messages
	json bool   // the value is read as JSON
	// set stores the value, and reports whether it is valid.
	set func(l *tenantLoader, p properties.Property) bool
}

var knownProperties = []knownProperty{
	{name: "eventbridge-input", want: "true or false", set: setInput},
	{name: "eventbridge-output", want: "a JSON array of output rules, [ … ]", json: true, set: setOutput},
	{name: "token-limit-monthly", want: "a whole number of tokens, 1 or more", set: setTokenLimit},
	{name: "rate-limit-per-second", want: "a number of requests above 0, such as 20 or 0.5", set: setRateLimit},
	{name: "cors-origins", want: "* or origins such as https://app.example.com, separated by commas", set: setCORSOrigins},
	{name: "payload-max-bytes", want: fmt.Sprintf("a whole number of bytes, 1 to %d", events.MaxBytes), set: setPayloadMaxBytes},
	{name: "eventbridge-results", want: "the ARN of an event bus", set: setResults},
}

func propertyNames() []string {
	names := make([]string, len(knownProperties))
	for i, k := range knownProperties {
		names[i] = k.name
	}
	return names
}

func setInput(l *tenantLoader, p properties.Property) bool {
	l.tenant.Input = p.Value == "true"
	return l.tenant.Input || p.Value == "false"
}

func setTokenLimit(l *tenantLoader, p properties.Property) bool {
	n, ok := wholeNumber(p.Value)
	l.tenant.TokenLimit = n
	return ok
}

func setPayloadMaxBytes(l *tenantLoader, p properties.Property) bool {
	n, ok := wholeNumber(p.Value)
	l.tenant.PayloadMaxBytes = n
	return ok && n <= events.MaxBytes
}

// wholeNumber parses a positive integer in plain digits.
func wholeNumber(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil && n > 0 && s[0] != '0'
}

func setRateLimit(l *tenantLoader, p properties.Property) bool {
	const most = 1e6
	if strings.Trim(p.Value, "0123456789.") != "" { // no exponent, sign, hexadecimal, Inf
		return false
	}
	rate, err := strconv.ParseFloat(p.Value, 64)
	l.tenant.RateLimit = rate
	return err == nil && 0 < rate && rate <= most
}

func setCORSOrigins(l *tenantLoader, p properties.Property) bool {
	for origin := range strings.SplitSeq(p.Value, ",") {
		if origin = strings.Trim(origin, " \t"); origin != "*" && !isOrigin(origin) {
			return false
		}
		l.tenant.CORSOrigins = append(l.tenant.CORSOrigins, origin)
	}
	return true
}

// isOrigin reports whether s is an origin as browsers send it: scheme, host and
// maybe port, in lower case, and nothing else.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		s == u.Scheme+"://"+u.Host && s == strings.ToLower(s) && !strings.ContainsAny(u.Host, "* ")
}

func setResults(l *tenantLoader, p properties.Property) bool {
	bus, err := events.ParseBusARN(p.Value)
	if err != nil {
		l.Errorf(p.ValueOffset, "%s: %s", p.Name, fault.MessageOf(err))
		return true
	}
	if err := l.policy.check(l.tenant.ID, events.OutputSource, bus); err != nil {
		l.Disablef(p.ValueOffset, "%s is switched off, bus %s is not allowed: %v", p.Name, bus, err)
		return true
	}
	if err := l.policy.warning(l.tenant.ID, events.OutputSource, bus); err != nil {
		l.Warnf(p.ValueOffset, "%v", err)
	}
	l.tenant.Results = bus
	return true
}

func setOutput(l *tenantLoader, p properties.Property) bool {
	if !p.JSON || p.Value[0] != '[' {
		return false
	}
	d := newRuleDecoder(l.Source, p.ValueOffset, p.Value, l.tenant.ID, "", l.policy)
	l.tenant.rules = d.rules()
	return true
}
