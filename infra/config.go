package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/internal/names"
)

// Config is what the context keys say, checked. doc/deploy.md documents them.
type Config struct {
	Environment names.Environment

	PublisherAccounts     []string // may put input events on our bus
	PublisherOrganization string   // so may all of its accounts; "": none
	OutputBuses           []OutputBus

	MarkDays         int
	ArchiveDays      int // 0: no archive
	LogRetentionDays int
	AlarmEmail       string

	InputBus            Bus
	DedicatedBus        bool // the stack makes the input bus
	OutputBus           Bus  // of output rules without an ARN
	Buffered            bool // the input rule sends to the buffer
	Draining            bool // it no longer does, and the function still reads the buffer
	BufferConcurrency   int  // copies of the function that read the buffer at once
	TestFunction        bool
	API                 bool
	APIRate, APIBurst   int // requests a second, and at once
	ReservedConcurrency int // 0: none reserved
	Retain              bool
	TableName           string // of a restored table to use; "": the stack makes the table
	WarmWrites          int    // writes/s that the new table accepts at once; 0: what DynamoDB gives it
}

// Ages, in days. What is kept of an event must end before its mark does, so that
// a late redelivery still finds the mark (R74); the margin is for retries.
const (
	markMargin       = 2
	archiveDays      = 30
	queueDays        = 14 // what SQS keeps at most
	leastMarkDays    = markMargin + 1
	mostMarkDays     = 3650
	mostConcurrency  = 100_000
	defaultRetention = 30
)

// logRetentions are the ages that CloudWatch Logs knows.
var logRetentions = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}

var (
	accountID      = regexp.MustCompile(`^[0-9]{12}$`)
	organizationID = regexp.MustCompile(`^o-[a-z0-9]{10,32}$`)
	customBusName  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,256}$`)
	tableName      = regexp.MustCompile(`^[A-Za-z0-9._-]{3,255}$`)
	emailAddress   = regexp.MustCompile(`^[^@\s,]+@[^@\s,]+\.[^@\s,]+$`)
)

// ReadConfig reads the router's context keys. The error lists every mistake.
func ReadConfig(values map[string]any) (Config, error) {
	r := newContextReader(values)
	r.oneOf("stack", "router", "target-bus")
	c := Config{
		Environment:           r.environment(),
		PublisherAccounts:     r.accounts("publisherAccounts"),
		PublisherOrganization: r.matching("publisherOrganization", organizationID, "an organization's id, such as o-a1b2c3d4e5"),
		OutputBuses:           r.outputBuses("outputBuses"),
		MarkDays:              r.integer("markDays", names.MarkDays, leastMarkDays, mostMarkDays),
		LogRetentionDays:      r.integer("logRetentionDays", defaultRetention, 1, logRetentions[len(logRetentions)-1]),
		AlarmEmail:            r.matching("alarmEmail", emailAddress, "an e-mail address"),
		OutputBus:             r.bus("outputBus"),
		BufferConcurrency:     r.integer("bufferConcurrency", 0, leastBufferConcurrency, mostBufferConcurrency),
		API:                   r.boolean("api", true),
		APIRate:               r.integer("apiRateLimit", defaultAPIRate, 1, mostAPIRate),
		APIBurst:              r.integer("apiBurstLimit", defaultAPIBurst, 1, mostAPIBurst),
		ReservedConcurrency:   r.integer("reservedConcurrency", 0, 1, mostConcurrency),
		Retain:                r.oneOf("removalPolicy", "retain", "destroy") == "retain",
		TableName:             r.matching("tableName", tableName, "the name of a DynamoDB table: 3 to 255 letters, digits and . _ -"),
		WarmWrites:            r.integer("warmWrites", 0, leastWarmWrites, mostWarmWrites),
	}
	// Outputs hold payloads, which should not be in the log of a production account.
	c.TestFunction = r.boolean("testFunction", c.Environment != production)
	r.buffer(&c)
	r.contradictions(&c)
	c.InputBus, c.DedicatedBus = r.inputBus(c.Environment)
	c.ArchiveDays = r.archiveDays(c.MarkDays)
	if !slices.Contains(logRetentions, c.LogRetentionDays) {
		r.refuse("logRetentionDays", "%d must be one of %s", c.LogRetentionDays, joinInts(logRetentions))
	}
	if n := busPolicySize(c); n > busPolicyLimit {
		r.refuse("publisherAccounts", "%d accounts make a bus policy of %d characters, and AWS allows %d; name fewer, or their organization with publisherOrganization", len(c.PublisherAccounts), n, busPolicyLimit)
	}
	if r.unknown(); len(r.wrong) > 0 {
		return Config{}, fmt.Errorf("%s", strings.Join(r.wrong, "\n"))
	}
	return c, nil
}

// production is the name of the environment whose test function is off by default.
const production = names.Environment("prod")

// Warm throughput, in writes a second: what a new table has anyway, and what an
// account may have for a table by default.
const (
	leastWarmWrites = 4_000
	mostWarmWrites  = 40_000
	warmReads       = 12_000 // reads a second: what a new table has anyway
)

// contradictions refuses keys that have no effect beside another.
func (r *contextReader) contradictions(c *Config) {
	if !c.API {
		for _, key := range []string{"apiRateLimit", "apiBurstLimit"} {
			if r.values[key] != nil {
				r.refuse(key, "there is no HTTP API with api=false; remove this key, or api")
			}
		}
	}
	switch {
	case c.TableName == "":
	case c.TableName == c.Environment.Name(names.Table):
		r.refuse("tableName", "%q is the table that the stack makes itself; remove this key, or name the restored table", c.TableName)
	case c.WarmWrites > 0:
		r.refuse("warmWrites", "the table %s exists already; remove this key, and set its warm throughput with aws dynamodb update-table", c.TableName)
	}
}

// Warnings says what is valid and rarely intended.
func (c Config) Warnings() (out []string) {
	if c.AlarmEmail == "" {
		out = append(out, "context key alarmEmail is not set: alarms go to the topic "+c.Environment.Name(names.AlarmTopic)+
			", and nobody is subscribed to it by this stack; add -c alarmEmail=ops@example.com, or subscribe to the topic")
	}
	return out
}

// A Bus is an event bus of the stack's own account and region.
type Bus struct {
	Name            string
	Account, Region string // as an ARN gave them; "" if a name did
}

// dedicatedBus is the value of inputBus that has the stack make a bus.
const dedicatedBus = "dedicated"

// bus reads the name or the ARN of a bus that exists; the default is the
// account's own.
func (c *contextReader) bus(key string) Bus {
	text := c.text(key, names.DefaultBus)
	if !strings.HasPrefix(text, "arn:") {
		switch {
		case strings.HasPrefix(text, "aws."):
			c.refuse(key, "%q is reserved for partners; write the name of a bus of your own", text)
		case !customBusName.MatchString(text):
			c.refuse(key, "%q must be the name or the ARN of an event bus: 1 to 256 letters, digits and . _ -", text)
		}
		return Bus{Name: text}
	}
	if err := (OutputBus{ARN: text}).check(); err != nil {
		c.refuse(key, "%v", err)
		return Bus{Name: names.DefaultBus}
	}
	parts := strings.SplitN(text, ":", 6)
	return Bus{Name: strings.TrimPrefix(parts[5], "event-bus/"), Region: parts[3], Account: parts[4]}
}

// inputBus reads the bus of input events, and whether the stack makes it.
func (c *contextReader) inputBus(e names.Environment) (Bus, bool) {
	const key = "inputBus"
	if c.text(key, "") == dedicatedBus {
		return Bus{Name: e.Name(names.InputBus)}, true
	}
	b := c.bus(key)
	if b.Name == e.Name(names.InputBus) {
		c.refuse(key, "%q is the name of the bus that inputBus=%s makes; write %s, or name another bus", b.Name, dedicatedBus, dedicatedBus)
	}
	if len(b.Name) > mostInputBusName {
		c.refuse(key, "the name has %d characters, and an alarm's metric has room for %d; name another bus", len(b.Name), mostInputBusName)
	}
	return b, false
}

// mostInputBusName is how long the value of a metric's dimension may be.
const mostInputBusName = 255

// Limits of the HTTP API: what an account has by default at most, and what is a
// bound on the bill of an endpoint that everybody can reach.
const (
	mostAPIRate, mostAPIBurst       = 10_000, 5_000
	defaultAPIRate, defaultAPIBurst = 1_000, 500
)

// What SQS allows as the maximum concurrency of an event source.
const (
	leastBufferConcurrency   = 2
	mostBufferConcurrency    = 1000
	defaultBufferConcurrency = 100
)

// buffer reads how the buffer is used. Its concurrency must not exceed what the
// function has: Lambda would throttle its own reads, and each counts as a receive.
func (r *contextReader) buffer(c *Config) {
	mode := r.oneOf("inputBuffer", "direct", "sqs", "drain")
	c.Buffered, c.Draining = mode == "sqs", mode == "drain"
	given := c.BufferConcurrency
	switch {
	case mode == "direct" && given > 0:
		r.refuse("bufferConcurrency", "there is no buffer with inputBuffer=direct; add inputBuffer=sqs, or remove this key")
	case c.ReservedConcurrency > 0 && given > c.ReservedConcurrency:
		r.refuse("bufferConcurrency", "%d is more than reservedConcurrency, which is %d; lower it, or raise reservedConcurrency", given, c.ReservedConcurrency)
	case mode != "direct" && c.ReservedConcurrency == 1:
		r.refuse("reservedConcurrency", "1 is less than the %d that a buffer takes; raise it, or remove inputBuffer", leastBufferConcurrency)
	case mode != "direct" && given == 0:
		c.BufferConcurrency = defaultBufferConcurrency
		if c.ReservedConcurrency > 0 {
			c.BufferConcurrency = min(c.ReservedConcurrency, mostBufferConcurrency)
		}
	}
}

// QueueDays is how long queues keep what nobody has dealt with.
func (c Config) QueueDays() int { return min(queueDays, c.MarkDays-markMargin) }

func (c *contextReader) environment() names.Environment {
	name := c.text("environment", "dev")
	e, err := names.ParseEnvironment(name)
	switch {
	case err != nil:
		c.refuse("environment", "%v", err)
	case string(e) == names.Local:
		c.refuse("environment", "%q is the name of `eventrouter serve` on one machine; choose another", name)
	}
	return e
}

func (c *contextReader) accounts(key string) []string {
	accounts := c.texts(key)
	for _, a := range accounts {
		if !accountID.MatchString(a) {
			c.refuse(key, "%q is not an account; it must have 12 digits, in quotes in cdk.json", a)
		}
	}
	slices.Sort(accounts)
	return slices.Compact(accounts)
}

func (c *contextReader) matching(key string, pattern *regexp.Regexp, want string) string {
	text := c.text(key, "")
	if text != "" && !pattern.MatchString(text) {
		c.refuse(key, "%q must be %s", text, want)
	}
	return text
}

// archiveDays is the default as far as marks allow it; what a person asks for
// is taken at their word or refused.
func (c *contextReader) archiveDays(markDays int) int {
	most := markDays - markMargin
	days := c.integer("archiveDays", min(archiveDays, most), 0, mostMarkDays)
	if days > most {
		c.refuse("archiveDays", "%d is more than markDays less %d, which is %d: a replayed event must still find its mark, or it would be carried out twice", days, markMargin, most)
	}
	return days
}

func joinInts(ns []int) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(ns), " ", ", "), "[]")
}

// An OutputBus is an entry of the allow-list: a bus that the function may
// publish to and, where they are given, the tenants and sources that may use
// it. IAM knows sources, but no tenants: the function checks those.
type OutputBus struct {
	ARN     string   `json:"arn"`
	Tenants []string `json:"tenants,omitempty"`
	Sources []string `json:"sources,omitempty"`
}

var (
	busForm  = regexp.MustCompile(`^arn:aws(-[a-z]+)*:events:[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}:[0-9]{12}:event-bus/([A-Za-z0-9._-]{1,256}|aws\.partner(/[A-Za-z0-9._-]+){2,})$`)
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
	case !busForm.MatchString(b.ARN):
		return fmt.Errorf("%q is not the ARN of an event bus; want %s", b.ARN, wantBusARN)
	}
	for _, t := range b.Tenants {
		if !tenantID.MatchString(t) {
			return fmt.Errorf("tenants: %q is not a tenant's id: 1 to 64 letters, digits, _ and -", t)
		}
	}
	for _, s := range b.Sources {
		if s == "" || s == names.InputSource || strings.HasPrefix(s, "aws.") {
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
