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

// The catalog is what has been set up: buses, their rules, and the rules'
// targets. Its lock is held to look and to change memory, and over the write to
// disk of a change, so that disk and memory see changes in one order.
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

// rule is a rule of a bus, with its targets. One is never changed once it is in
// the catalog, but replaced: events on their way hold on to it.
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
	Created     awsjson.Time      `json:"created"` // when it got its schedule

	compiled *pattern.Pattern
	when     schedule.Schedule
}

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

func (r *rule) live() bool { return r.State != disabled && r.compiled != nil }

// compile makes the rule ready to match and to fall due.
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

// set puts a rule in the place of the one of that name.
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
			return false, fault.Errorf(fault.Internal, "rule %q is of bus %q, which is not kept", r.Name, r.Bus)
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
