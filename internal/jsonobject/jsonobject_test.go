package jsonobject

import (
	"fmt"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

func TestMembers(t *testing.T) {
	for object, want := range map[string]string{
		`{}`: "", ` { } `: "",
		`{"b":1.50,"a":{"x":[1, 2]} , "\u00e9":"\n"}`: `b=1.50 a={"x":[1, 2]} é="\n" `,
	} {
		members, err := Members(jsontext.Value(object))
		got := ""
		for _, m := range members {
			got += fmt.Sprintf("%s=%s ", m.Name, m.Value)
		}
		if err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", object, got, err, want)
		}
	}
	for object, before := range map[string]int{
		``: 0, `[]`: 0, `1`: 0, `{`: 0, `{"a":1`: 1, `{"a":1,"a":2}`: 1, `{"a":}`: 0, `{"a":1,}`: 1,
	} {
		if members, err := Members(jsontext.Value(object)); err == nil || len(members) != before {
			t.Errorf("%q: %d members, %v; want %d and an error", object, len(members), err, before)
		}
	}
}
