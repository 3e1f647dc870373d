package tenant

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestDocumentedProperties compares the properties in doc/tenants.md with those
// that a tenant can have.
func TestDocumentedProperties(t *testing.T) {
	text, err := os.ReadFile("../doc/tenants.md")
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)\| property \| value .*?\n\n`).Find(text)
	var documented, known []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllSubmatch(table, -1) {
		documented = append(documented, string(m[1]))
	}
	for _, p := range knownProperties {
		known = append(known, p.name)
	}
	slices.Sort(documented)
	slices.Sort(known)
	if !slices.Equal(documented, known) {
		t.Errorf("doc/tenants.md lists %q, a tenant can have %q", documented, known)
	}
}
