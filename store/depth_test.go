package store_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

func TestCheckDepth(t *testing.T) {
	nested := func(open, inner, end string, n int) jsontext.Value {
		return jsontext.Value(strings.Repeat(open, n) + inner + strings.Repeat(end, n))
	}
	for name, c := range map[string]struct {
		doc jsontext.Value
		ok  bool
	}{
		"32 objects":           {nested(`{"a":`, `1`, `}`, 32), true},
		"33 objects":           {nested(`{"a":`, `1`, `}`, 33), false},
		"32 arrays":            {nested(`[`, ``, `]`, 32), true},
		"33 arrays":            {nested(`[`, ``, `]`, 33), false},
		"brackets in a string": {jsontext.Value(`{"[[[\"` + strings.Repeat("[", 40) + `":"` + strings.Repeat("{", 40) + `"}`), true},
		"wide":                 {jsontext.Value(`[` + strings.Repeat(`[],{},`, 100) + `0]`), true},
	} {
		err := store.CheckDepth(c.doc)
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
