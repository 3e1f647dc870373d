package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	shownDemo = regexp.MustCompile("(?s)<!-- shows: demo -->\n```\n(.*?)```")
	// differs matches what differs from one run to the next.
	differs = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|20\d\d-[0-9:T-]*\d(\.\d+)?Z?|\d+\.\d{1,3}\b|"(decode|authorize|validate|apply|emit)":[\d.]+`)
)

// TestDemo runs the demo, and checks that the README shows lines of its output, in
// their order.
func TestDemo(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := shownDemo.FindStringSubmatch(string(text))
	if shown == nil {
		t.Fatal("the README does not show the demo")
	}
	code, out, errOut := runCLI(t, "", "demo", "--schemas", sampleSchemas)
	if code != 0 {
		t.Fatalf("exit code %d: %s%s", code, out, errOut)
	}
	rest := differs.ReplaceAllString(out, "…")
	for line := range strings.Lines(shown[1]) {
		_, after, found := strings.Cut(rest, differs.ReplaceAllString(line, "…"))
		if !found {
			t.Fatalf("the demo does not print this line, or not at its place: %s\n%s", line, out)
		}
		rest = after
	}
}
