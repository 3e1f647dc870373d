package admin

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var updateFormats = flag.Bool("update-formats", false, "write the names of testdata/formats/v1 anew: only with the code of format 1")

const callsFile = "../../testdata/formats/v1/admin.txt"

// TestFormatV1Calls compares the administrative operations with those of format
// 1: a command line of another version calls them. Operations may be added.
func TestFormatV1Calls(t *testing.T) {
	var got []string
	for _, c := range slices.Concat(calls, tenantCalls) {
		got = append(got, "POST "+Prefix+c.name)
	}
	if *updateFormats {
		if err := os.WriteFile(callsFile, []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(callsFile)
	if err != nil {
		t.Fatal(err)
	}
	for want := range strings.Lines(string(text)) {
		if want = strings.TrimSpace(want); !slices.Contains(got, want) {
			t.Errorf("%s is missing; format 1 has it", want)
		}
	}
}
