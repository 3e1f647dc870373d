package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/internal/names"
)

// compiled is the pattern of a rule as it stands in the template.
func compiled(t *testing.T, rule string) *pattern.Pattern {
	t.Helper()
	text, err := json.Marshal(at(plain().named(t, "AWS::Events::Rule", "Name", rule), "Properties", "EventPattern"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := pattern.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return p
}

const envelope = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","source":"SOURCE","detail-type":"TYPE","account":"111122223333",` +
	`"time":"2026-11-21T00:00:00Z","region":"us-east-1","resources":[],"detail":DETAIL}`

func event(source, detailType, detail string) string {
	return strings.NewReplacer("SOURCE", source, "TYPE", detailType, "DETAIL", detail).Replace(envelope)
}

// TestInputRuleMatches: input events and nothing else reach the function (R1,
// R12, R13).
func TestInputRuleMatches(t *testing.T) {
	rule := compiled(t, "eventrouter-input-dev")
	const detail = `{"tenant":"acme","rootSchema":"pet","api_key":"erk_x","payload":{"name":"Rex"}}`
	for _, c := range []struct {
		name, event string
		want        bool
	}{
		{"POST", event("blockforger-input", "pet.POST", detail), true},
		{"PUT", event("blockforger-input", "pet.PUT", detail), true},
		{"PATCH", event("blockforger-input", "pet.PATCH", detail), true},
		{"DELETE", event("blockforger-input", "pet.DELETE", detail), true},
		{"no payload: code refuses it with a 400 that says so", event("blockforger-input", "pet.POST", `{"tenant":"a","rootSchema":"b","api_key":"c"}`), true},
		{"api_key null: code refuses it", event("blockforger-input", "pet.POST", `{"tenant":"a","rootSchema":"b","api_key":null}`), true},
		{"output source with a key: code ignores it", event("blockforger-output", "pet.POST", detail), true},

		{"output event", event("blockforger-output", "pet.POST", `{"tenant":"acme","rootSchema":"pet","operation":"POST","payload":{"name":"Rex"}}`), false},
		{"no tenant", event("blockforger-input", "pet.POST", `{"rootSchema":"pet","api_key":"erk_x","payload":{}}`), false},
		{"no rootSchema", event("blockforger-input", "pet.POST", `{"tenant":"acme","api_key":"erk_x","payload":{}}`), false},
		{"no api_key", event("blockforger-input", "pet.POST", `{"tenant":"acme","rootSchema":"pet","payload":{}}`), false},
		{"api_key is an object", event("blockforger-input", "pet.POST", `{"tenant":"acme","rootSchema":"pet","api_key":{"a":1}}`), false},
		{"tenant is an empty array", event("blockforger-input", "pet.POST", `{"tenant":[],"rootSchema":"pet","api_key":"k"}`), false},
		{"another source", event("acme.orders", "pet.POST", detail), false},
		{"source in capitals", event("Blockforger-Input", "pet.POST", detail), false},
		{"GET", event("blockforger-input", "pet.GET", detail), false},
		{"lower case operation", event("blockforger-input", "pet.post", detail), false},
		{"operation first", event("blockforger-input", "POST.pet", detail), false},
		{"no dot", event("blockforger-input", "POST", detail), false},
		{"detail is empty", event("blockforger-input", "pet.POST", `{}`), false},
		{"the relay's schedule", event("aws.events", "Scheduled Event", `{}`), false},
	} {
		got, err := rule.MatchJSON([]byte(c.event))
		if err != nil || got != c.want {
			t.Errorf("%s: matches %v (%v), want %v", c.name, got, err, c.want)
		}
	}
}

// TestTestRuleMatches: what the router publishes under its own name.
func TestTestRuleMatches(t *testing.T) {
	rule := compiled(t, "eventrouter-test-dev")
	for source, want := range map[string]bool{"blockforger-output": true, "blockforger-input": false, "acme": false} {
		if got, err := rule.MatchJSON([]byte(event(source, "pet.POST", `{}`))); err != nil || got != want {
			t.Errorf("%s: matches %v (%v), want %v", source, got, err, want)
		}
	}
}

// TestSourcesAreThoseOfEvents: package names repeats them, being on the
// ground floor with the standard library alone.
func TestSourcesAreThoseOfEvents(t *testing.T) {
	if names.InputSource != events.InputSource || names.OutputSource != events.OutputSource {
		t.Error("packages deployment and events name different sources")
	}
}
