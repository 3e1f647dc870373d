package diag_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/blockforger/eventrouter/tenant/diag"
)

func Example() {
	src := diag.NewSource("acme/tenant.properties", []byte("# é\neventbridge-inptu = true\n"))
	offset := strings.Index(string(src.Data), "eventbridge")
	src.Warnf(offset, "unknown property %q%s", "eventbridge-inptu", diag.Suggest("eventbridge-inptu", []string{"cors-origins", "eventbridge-input"}))
	for _, d := range src.Diagnostics {
		fmt.Println(d)
	}
	// Output: acme/tenant.properties:2:1: warning: unknown property "eventbridge-inptu" (did you mean "eventbridge-input"?)
}

func TestPosition(t *testing.T) {
	src := diag.NewSource("f", []byte("\xef\xbb\xbfé=\r\nb\rc\n"))
	for _, c := range []struct{ offset, line, column int }{
		{0, 1, 1}, {3, 1, 1}, {5, 1, 2}, {7, 1, 4}, {8, 2, 1}, {9, 2, 2}, {10, 3, 1}, {12, 4, 1}, {-1, 1, 1}, {99, 4, 1},
	} {
		if line, column := src.Position(c.offset); line != c.line || column != c.column {
			t.Errorf("offset %d is %d:%d, want %d:%d", c.offset, line, column, c.line, c.column)
		}
	}
}

func TestSeverities(t *testing.T) {
	src := diag.NewSource("f", []byte("a\nb\n\xff"))
	src.Disablef(2, "second")
	src.Warnf(0, "first")
	src.Warnf(0, "first")
	if _, found := diag.FirstFatal(src.Diagnostics); found {
		t.Error("a disabled part or a warning is fatal")
	}
	if src.CheckUTF8() {
		t.Error("0xFF is valid UTF-8")
	}
	if d, found := diag.FirstFatal(src.Diagnostics); !found || d.Line != 3 {
		t.Errorf("the first fatal diagnostic is %v", d)
	}
	var got []string
	for _, d := range diag.Sort(src.Diagnostics) {
		got = append(got, d.String())
	}
	want := []string{"f:1:1: warning: first", "f:2:1: error: second", "f:3:1: error: byte 0xFF is not valid UTF-8; save the file as UTF-8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if s := (diag.Diagnostic{File: "f", Severity: diag.SeverityError, Message: "m"}).String(); s != "f: error: m" {
		t.Error(s)
	}
}

func TestSuggestAndQuote(t *testing.T) {
	known := []string{"source", "payload"}
	for in, want := range map[string]string{"sorce": ` (did you mean "source"?)`, "payolad": ` (did you mean "payload"?)`, "metadata": "", "": "", strings.Repeat("s", 200): ""} {
		if got := diag.Suggest(in, known); got != want {
			t.Errorf("Suggest(%.20q) = %q, want %q", in, got, want)
		}
	}
	if got, want := diag.Quote(strings.Repeat("é", 40)), `"`+strings.Repeat("é", 30)+`"…`; got != want {
		t.Errorf("Quote = %s, want %s", got, want)
	}
}
