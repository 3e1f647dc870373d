package pattern

import (
	"bufio"
	"encoding/json"
	"errors"
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

// answer is the result of matching an event, as the corpus writes it, without the
// position of an error.
func answer(pattern, event string) string {
	text, _, _ := strings.Cut(fullAnswer(pattern, event), "\n at [Source")
	return text
}

// fullAnswer is the same with the position.
func fullAnswer(pattern, event string) string {
	p, err := Compile([]byte(pattern))
	if refusal, ok := errors.AsType[*Error](err); ok {
		return "error: " + strings.TrimPrefix(refusal.ServiceMessage(), "Event pattern is not valid. Reason: ")
	}
	if err != nil {
		return "error: " + err.Error()
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
			// The corpus has a blank for the newline before a position.
			if got := strings.ReplaceAll(fullAnswer(c.Pattern, c.Event), "\n", " "); got != c.Answer {
				t.Errorf("%s\nagainst %s\nreturns %q, want %q", c.Pattern, c.Event, got, c.Answer)
			}
		})
	}
}
