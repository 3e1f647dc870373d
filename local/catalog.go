package local

import (
	"slices"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsjson"
)

const defaultBus = "default"

// The catalog is what has been set up: buses, their rules, and the rules'
// targets. Its lock is held to look and to change memory, and over the write to
// disk of a change, so that disk and memory see changes in one order.
type catalog struct {
	mu    sync.RWMutex
	buses map[string]*bus
}

// bus is an event bus of this account and region.
type bus struct {
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Policy      string            `json:"policy,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
	Created     awsjson.Time      `json:"created"`
	Modified    awsjson.Time      `json:"modified"`

	rules   map[string]*rule
	matched []*rule // the enabled ones with a pattern, in the order of their names
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
	Targets     []Target          `json:"targets,omitempty"`

	compiled *pattern.Pattern
}

const (
	enabled  = "ENABLED"
	disabled = "DISABLED"
)

func (r *rule) live() bool { return r.State != disabled && r.compiled != nil }

// compile makes the rule ready to match.
func (r *rule) compile() error {
	if r.Pattern == "" {
		return nil
	}
	compiled, err := pattern.Compile([]byte(r.Pattern))
	r.compiled = compiled
	return err
}

// index makes what matching needs anew after a change of the rules.
func (b *bus) index() {
	b.matched = b.matched[:0:0]
	for _, name := range sortedKeys(b.rules) {
		if r := b.rules[name]; r.live() {
			b.matched = append(b.matched, r)
		}
	}
}

func (s *Server) loadCatalog() error {
	s.catalog.buses = map[string]*bus{}
	err := s.keep.each(bucketBuses, nil, func(_, record []byte) (bool, error) {
		b := &bus{rules: map[string]*rule{}}
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
		now := awsjson.Time{Time: s.opts.Now()}
		s.catalog.buses[defaultBus] = &bus{Name: defaultBus, Created: now, Modified: now, rules: map[string]*rule{}}
	}
	err = s.keep.each(bucketRules, nil, func(_, record []byte) (bool, error) {
		r := &rule{}
		if err := json.Unmarshal(record, r); err != nil {
			return false, err
		}
		if err := r.compile(); err != nil {
			return false, err
		}
		b := s.catalog.buses[r.Bus]
		if b == nil {
			return false, fault.New(fault.Internal, "rule %q is of bus %q, which is not kept", r.Name, r.Bus)
		}
		b.rules[r.Name] = r
		return true, nil
	})
	for _, b := range s.catalog.buses {
		b.index()
	}
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
