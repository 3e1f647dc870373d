package pattern

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

// The messages in testdata/positions.jsonl were recorded on AWS on the date that
// each case names, for patterns of the same shape, or follow from the rules of
// AWS's parser.
func TestServiceMessage(t *testing.T) {
	f, err := os.Open("testdata/positions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var c struct{ Pattern, Message, Source string }
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			t.Fatal(err)
		}
		n++
		_, err := Compile([]byte(c.Pattern))
		refusal, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: compiles, or fails with %v", c.Pattern, err)
			continue
		}
		if got := refusal.ServiceMessage(); got != c.Message {
			t.Errorf("%s (%s)\nreturns %s\n   want %s", c.Pattern, c.Source, got, c.Message)
		}
	}
	if lines.Err() != nil || n < 30 {
		t.Errorf("%d cases, %v", n, lines.Err())
	}
}
