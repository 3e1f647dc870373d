package eventbridge

import (
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/schedule"
)

const defaultBus = "default"

// The catalog holds the configuration: buses, their rules with targets, replays,
// connections and API destinations. Its lock is held for reading, and during a
// change for both the write to disk and the change in memory, so that both have the
// same order of changes.
type catalog struct {
	mu      sync.RWMutex
	buses   map[string]*bus
	replays map[string]*replay

	connections  map[string]*connection
	destinations map[string]*destination
}

// bus is an event bus of this account and region.
type bus struct {
	Name        string                     `json:"name"`
	Description string                     `json:"description,omitempty"`
	Policy      string                     `json:"policy,omitempty"`
	DeadLetter  *delivery.DeadLetterConfig `json:"deadLetter,omitempty"`
	Tags        map[string]string          `json:"tags,omitempty"`
	Created     awsjson.Time               `json:"created"`
	Modified    awsjson.Time               `json:"modified"`

	rules   map[string]*rule
	matcher *pattern.Matcher[string] // the enabled rules with a pattern, by name
}

// rule is a rule of a bus, with its targets. A rule in the catalog is not changed,
// but replaced: events that are being delivered refer to it.
type rule struct {
	Bus         string            `json:"bus"`
	Name        string            `json:"name"`
	ARN         string            `json:"arn"`
	Pattern     string            `json:"pattern,omitempty"`
	Schedule    string            `json:"schedule,omitempty"`
	State       string            `json:"state"`
	Description string            `json:"description,omitempty"`
	RoleARN     string            `json:"roleArn,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Targets     []delivery.Target `json:"targets,omitempty"`
	Created     awsjson.Time      `json:"created"` // when its schedule was set

	compiled *pattern.Pattern
	when     schedule.Schedule
}

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

func (r *rule) live() bool { return r.State != disabled && r.compiled != nil }

// compile parses the schedule and compiles the pattern.
func (r *rule) compile() (err error) {
	if r.Schedule != "" {
		if r.when, err = schedule.Parse(r.Schedule); err != nil {
			return err
		}
	}
	if r.Pattern != "" {
		r.compiled, err = pattern.Compile([]byte(r.Pattern))
	}
	return err
}

// set adds a rule to the bus, or replaces the rule of that name.
func (b *bus) set(r *rule) {
	b.rules[r.Name] = r
	if r.live() {
		b.matcher.Add(r.Name, r.compiled)
	} else {
		b.matcher.Remove(r.Name)
	}
}

func (b *bus) unset(name string) {
	delete(b.rules, name)
	b.matcher.Remove(name)
}

func newBus(name string, now time.Time) *bus {
	at := awsjson.Time{Time: now}
	return &bus{Name: name, Created: at, Modified: at, rules: map[string]*rule{}, matcher: &pattern.Matcher[string]{}}
}

func (s *Service) loadCatalog() error {
	s.catalog.buses = map[string]*bus{}
	err := s.file.Each(bucketBuses, nil, func(_, record []byte) (bool, error) {
		b := newBus("", time.Time{})
		if err := json.Unmarshal(record, b); err != nil {
			return false, err
		}
		s.catalog.buses[b.Name] = b
		return true, nil
	})
	if err != nil {
		return err
	}
	if s.catalog.buses[defaultBus] == nil {
		s.catalog.buses[defaultBus] = newBus(defaultBus, s.opts.Now())
	}
	return s.file.Each(bucketRules, nil, func(_, record []byte) (bool, error) {
		r := &rule{}
		if err := json.Unmarshal(record, r); err != nil {
			return false, err
		}
		if err := r.compile(); err != nil {
			return false, err
		}
		b := s.catalog.buses[r.Bus]
		if b == nil {
			return false, fault.Errorf(fault.Internal, "rule %q belongs to bus %q, which does not exist", r.Name, r.Bus)
		}
		b.set(r)
		return true, nil
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
