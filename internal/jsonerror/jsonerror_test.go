package jsonerror_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/internal/jsonerror"
)

func TestDescribe(t *testing.T) {
	type entry struct {
		Source string    `json:"Source"`
		Count  int       `json:"Count"`
		Ratio  float64   `json:"Ratio"`
		Flag   bool      `json:"Flag"`
		List   []string  `json:"List"`
		Time   time.Time `json:"Time"`
	}
	for text, want := range map[string]string{
		`[{]`:                           `line 1, column 3: invalid character ']' at start of value`,
		"[{\n  \"Source\": \"ä\" x":     `line 2, column 17: invalid character 'x' after object value (expecting ',' or '}')`,
		`[{"Source":`:                   "line 1, column 12: the text ends too early",
		``:                              "the text is empty",
		`[{"Source":"a","Source":"b"}]`: "line 1, column 16: a name occurs twice in one object",
		`[] []`:                         `line 1, column 4: invalid character '[' after top-level value`,
		`[1]`:                           "/0: must be an object, not a number",
		`{}`:                            "must be an array, not an object",
		`[{"Source":1}]`:                "/0/Source: must be a string, not a number",
		`[{"Count":"1"}]`:               "/0/Count: must be a whole number, not a string",
		`[{"Count":1.5}]`:               "/0/Count: must be a whole number",
		`[{"Ratio":{}}]`:                "/0/Ratio: must be a number, not an object",
		`[{"Flag":"yes"}]`:              "/0/Flag: must be true or false, not a string",
		`[{"List":[1]}]`:                "/0/List/0: must be a string, not a number",
		`[{"List":true}]`:               "/0/List: must be an array, not true or false",
		`[{"Time":"now"}]`:              "/0/Time: must be a time such as 2026-11-21T03:00:00Z",
		`[{"Sourc":"a"}]`:               `/0: unknown member "Sourc" (did you mean "Source"?)`,
		`[{"a/b":"a"}]`:                 `/0: unknown member "a/b"`,
	} {
		var entries []entry
		err := json.Unmarshal([]byte(text), &entries, json.RejectUnknownMembers(true))
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		if got := jsonerror.Describe([]byte(text), err); got != want {
			t.Errorf("%s:\n got %s\nwant %s\n  of %v", text, got, want, err)
		}
	}
}
