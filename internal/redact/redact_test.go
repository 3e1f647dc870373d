package redact_test

import (
	"testing"

	"github.com/blockforger/eventrouter/internal/redact"
)

func TestKeys(t *testing.T) {
	for in, want := range map[string]string{
		"":        "",
		"nothing": "nothing",
		"erk_Vw5hHWvViu9II9TW_0123456789abcdefghij": "erk_****",
		"a erk_Vw5hHWvV_x, b erk_y":                 "a erk_****, b erk_****",
		"erk_erk_a.erk_b":                           "erk_****.erk_****",
		"work_erk":                                  "work_erk",
	} {
		if got := redact.APIKeys(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
