package jsonschema

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// suite holds the files of the official test suite
// (github.com/json-schema-org/JSON-Schema-Test-Suite), by name.
func suite(t testing.TB) map[string][]byte {
	t.Helper()
	f, err := os.Open("testdata/suite.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = data
	}
}

type suiteGroup struct {
	Description string
	Schema      json.RawMessage
	Tests       []struct {
		Description string
		Data        json.RawMessage
		Valid       bool
	}
}

// metaschemaOf has the metaschema that a schema without $schema has.
var metaschemaOf = map[string]string{
	"draft4":       "http://json-schema.org/draft-04/schema#",
	"draft6":       "http://json-schema.org/draft-06/schema#",
	"draft7":       "http://json-schema.org/draft-07/schema#",
	"draft2019-09": "https://json-schema.org/draft/2019-09/schema",
	"draft2020-12": "https://json-schema.org/draft/2020-12/schema",
}

// withDialect gives a schema the $schema of its draft, where it has none.
func withDialect(schema json.RawMessage, draft string) []byte {
	if strings.Contains(string(schema), `"$schema"`) || schema[0] != '{' {
		return schema
	}
	insert := `{"$schema":"` + metaschemaOf[draft] + `"`
	if rest := strings.TrimSpace(string(schema[1:])); rest != "}" {
		insert += ","
	}
	return append([]byte(insert), schema[1:]...)
}

// differences are all cases in which this package differs from the suite, on
// purpose: their number in each file, and the reason.
var differences = map[string]struct {
	cases  int
	reason string
}{
	"draft2019-09/optional/format/idn-email.json":    {2, "the format idn-email is not asserted"},
	"draft2019-09/optional/format/idn-hostname.json": {29, "the format idn-hostname is not asserted"},
	"draft2020-12/optional/format/idn-email.json":    {2, "the format idn-email is not asserted"},
	"draft2020-12/optional/format/idn-hostname.json": {29, "the format idn-hostname is not asserted"},
	"draft7/optional/format/idn-email.json":          {2, "the format idn-email is not asserted"},
	"draft7/optional/format/idn-hostname.json":       {29, "the format idn-hostname is not asserted"},
	"draft7/optional/content.json":                   {4, "contentEncoding and contentMediaType are annotations, as in later drafts"},
	"draft2020-12/format.json":                       {17, "formats are asserted in every draft, not only where a vocabulary says so"},
	"draft4/optional/zeroTerminatedFloats.json":      {1, "1.0 is an integer in every draft, as in those after draft 4"},
}

func TestSuite(t *testing.T) {
	files := suite(t)
	load := func(uri string) ([]byte, bool) {
		name, ok := strings.CutPrefix(uri, "http://localhost:1234/")
		data, found := files["remotes/"+name]
		return data, ok && found
	}
	counts, differing := map[string]int{}, map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		rest, ok := strings.CutPrefix(name, "tests/")
		if !ok || path.Ext(name) != ".json" {
			continue
		}
		draft, file, _ := strings.Cut(rest, "/")
		var groups []suiteGroup
		if err := json.Unmarshal(files[name], &groups); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		kind := "required"
		if strings.HasPrefix(file, "optional/") {
			kind = "optional"
		}
		for _, g := range groups {
			s, err := Compile(withDialect(g.Schema, draft), &Options{Load: load})
			if err != nil {
				t.Errorf("%s: %s: %v", name, g.Description, err)
				continue
			}
			for _, c := range g.Tests {
				err := s.Validate(context.Background(), c.Data)
				if _, invalid := errors.AsType[*ValidationError](err); err != nil && !invalid {
					t.Errorf("%s: %s: %s: %v", name, g.Description, c.Description, err)
				}
				switch {
				case (err == nil) == c.Valid:
					counts[kind]++
				case differences[rest].cases > differing[rest]:
					differing[rest]++
					counts["differences"]++
				default:
					t.Errorf("%s: %s: %s: want valid %v, got %v", name, g.Description, c.Description, c.Valid, err)
				}
			}
		}
	}
	for file, d := range differences {
		if differing[file] != d.cases {
			t.Errorf("%s: %d cases differ, want %d: %s", file, differing[file], d.cases, d.reason)
		}
	}
	t.Logf("as the suite expects: %d required and %d optional cases; %d differ on purpose", counts["required"], counts["optional"], counts["differences"])
}
