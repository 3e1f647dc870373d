package local_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

// TestBadInputOfOtherServices sends the inputs of TestBadInput to the operations of the
// other services: each reports a violated constraint by its own code.
func TestBadInputOfOtherServices(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	violation := map[string]string{"logs": "InvalidParameterException", "sqs": "MissingParameter", "scheduler": "ValidationException", "schemas": "BadRequestException"}
	total := map[string]int{}
	for service, code := range violation {
		for _, op := range m.Operations()[service] {
			for _, c := range badInputs(op.Input) {
				operation := service + "." + op.Name
				if op.Path != "" {
					if boundByURL(op.Input, c.name+" "+c.message) {
						continue
					}
					operation = strings.NewReplacer("{Name}", "x", "{registryName}", "x", "{schemaName}", "x",
						"{ResourceArn}", "arn:aws:scheduler:us-east-1:000000000000:schedule-group%2Fx").Replace(op.Path)
				}
				want := code
				if c.code == "SerializationException" && service != "schemas" {
					want = c.code
				}
				// badInputs knows maps of strings only.
				input := strings.NewReplacer(`"MessageAttributes":{"a":"b"}`, `"MessageAttributes":{}`, `"MessageSystemAttributes":{"a":"b"}`, `"MessageSystemAttributes":{}`).Replace(c.body)
				status, got, body := ask(t, m.url, operation, input)
				total[service]++
				var answer struct {
					Message string `json:"message"`
				}
				err := json.Unmarshal([]byte(body), &answer, json.MatchCaseInsensitiveNames(true))
				if status != http.StatusBadRequest || got != want || err != nil || strings.Contains(answer.Message, "Go ") {
					t.Errorf("%s, %s\n%.200s\ngot  %d %s %.300s\nwant 400 %s", operation, c.name, input, status, got, body, want)
				}
			}
		}
	}
	for service, least := range map[string]int{"logs": 20, "sqs": 20, "scheduler": 20, "schemas": 5} {
		if total[service] < least {
			t.Errorf("only %d inputs for %s", total[service], service)
		}
	}
	t.Log(total)
}

// boundByURL reports whether a case is about a member that is in path or query, and so
// not in the body.
func boundByURL(input reflect.Type, about string) bool {
	for i := range input.NumField() {
		tag := input.Field(i).Tag
		if tag.Get("path") != "" || tag.Get("query") != "" {
			wire, _, _ := strings.Cut(tag.Get("json"), ",")
			lower := strings.ToLower(wire[:1]) + wire[1:]
			if strings.Contains(about, wire) || strings.Contains(about, lower) {
				return true
			}
		}
	}
	return false
}
