package pattern

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// A corpusCase is one recorded answer of AWS's open-source engine.
type corpusCase struct {
	Name, Pattern, Event, Answer string
}

func readCorpus(tb testing.TB) []corpusCase {
	tb.Helper()
	f, err := os.Open("testdata/corpus.jsonl")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var cases []corpusCase
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c corpusCase
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			tb.Fatal(err)
		}
		cases = append(cases, c)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
	return cases
}

// answer says what a pattern answers for an event, as the corpus writes it.
func answer(pattern, event string) string {
	p, err := Compile([]byte(pattern))
	if err != nil {
		return "error: " + strings.TrimPrefix(err.Error(), "Event pattern is not valid. Reason: ")
	}
	matches, err := p.MatchJSON([]byte(event))
	switch {
	case err != nil:
		return "error: " + err.Error()
	case matches:
		return "true"
	default:
		return "false"
	}
}

func TestCorpus(t *testing.T) {
	cases := readCorpus(t)
	if len(cases) != 187 {
		t.Errorf("the corpus has %d cases, want 187", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			want, _, _ := strings.Cut(c.Answer, " at [Source")
			if got := answer(c.Pattern, c.Event); got != strings.TrimSpace(want) {
				t.Errorf("%s\nagainst %s\nanswers %q, want %q", c.Pattern, c.Event, got, want)
			}
		})
	}
}
