package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

type tenantInit struct {
	Name   string `arg:"" help:"The tenant's id: letters, digits, _ and -."`
	Dir    string `default:"schemas" type:"path" help:"The folder with a folder for each tenant."`
	Schema string `help:"The id of the first schema. It is asked for unless given."`
	Input  string `enum:"yes,no," default:"" help:"Whether the tenant takes input events: yes or no. It is asked for unless given."`
}

// Run asks what it was not told, and writes a tenant that works as it is.
func (c *tenantInit) Run(s *session) error {
	id, err := events.ParseTenantID(c.Name)
	if err != nil {
		return err
	}
	ask := bufio.NewScanner(s.in)
	if c.Schema == "" {
		c.Schema = s.ask(ask, "What is one kind of record called?", "records")
	}
	schema, err := events.ParseSchemaID(c.Schema)
	if err != nil {
		return err
	}
	if c.Input == "" {
		c.Input = s.ask(ask, "Shall input events be taken, besides calls to the API? (yes or no)", "yes")
	}
	if c.Input != "yes" && c.Input != "no" {
		return fault.Errorf(fault.Invalid, "the answer must be yes or no, not %q", c.Input)
	}

	folder := filepath.Join(c.Dir, string(id))
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		return fault.Errorf(fault.Conflict, "%s is there already", folder)
	}
	fill := strings.NewReplacer("{tenant}", string(id), "{schema}", string(schema), "{input}", fmt.Sprint(c.Input == "yes"))
	written := []string{
		filepath.Join(folder, "tenant.properties"), filepath.Join(folder, string(schema)+".json"),
		filepath.Join(folder, testsFolder, "create-"+string(schema)+".json"),
	}
	for i, template := range []string{propertiesTemplate, schemaTemplate, testTemplate} {
		if c.Input == "no" && template == testTemplate {
			written = written[:i] // there are no events to test with
			break
		}
		if err := writeNew(written[i], fill.Replace(template)); err != nil {
			return err
		}
	}
	if done, err := s.print.value(struct {
		Files []string `json:"files"`
	}{written}); done {
		return err
	}
	for _, file := range written {
		s.print.line("wrote %s", file)
	}
	s.print.note("Next: eventrouter tenant lint %s, and eventrouter keys create --tenant %s", c.Dir, id)
	return nil
}

// ask asks on the terminal; an empty answer, or none, is the default.
func (s *session) ask(in *bufio.Scanner, question, otherwise string) string {
	fmt.Fprintf(s.print.err, "%s [%s] ", question, otherwise)
	if in.Scan() {
		if answer := strings.TrimSpace(in.Text()); answer != "" {
			return answer
		}
	}
	return otherwise
}

// writeNew writes a file that is not there yet, and its folder.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.Errorf(fault.Invalid, "%v", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fault.Errorf(fault.Conflict, "%s is there already", path)
	}
	if err != nil {
		return fault.Errorf(fault.Invalid, "%v", err)
	}
	if _, err := f.WriteString(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

const propertiesTemplate = `# The tenant {tenant}. doc/tenants.md is the reference of all properties.
# A change takes effect within 30 seconds.

# Take input events (source blockforger-input) with an API key of this tenant.
# The REST API needs no such switch.
eventbridge-input = {input}

# What is published after each change: every rule that matches publishes one
# event. This one rule matches all, and publishes "{schema}.POST" and so on to the
# default bus. A rule may also have eventbridge_arn, source, detail_type,
# operations, schema_names, payload and metadata.
eventbridge-output = [
  {}
]

# Limits. A request that is carried out costs 10 tokens.
# token-limit-monthly = 1000000
# rate-limit-per-second = 50
# payload-max-bytes = 65536

# Web pages that may call the API.
# cors-origins = https://app.example.com

# Where to tell senders of input events what became of them.
# eventbridge-results = arn:aws:events:us-east-1:111122223333:event-bus/results
`

const schemaTemplate = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$comment": "The key is the member id; a POST without one gets a UUID. meta says otherwise: key, backend (dynamodb, s3, csv), logKey, eventbridge-output.",
  "title": "{schema}",
  "type": "object",
  "properties": {
    "id": {
      "type": "string"
    },
    "name": {
      "type": "string",
      "minLength": 1
    }
  },
  "required": ["name"],
  "additionalProperties": false
}
`

const testTemplate = `{
  "description": "Creating a record publishes it. Run by: eventrouter tenant test",
  "steps": [
    {
      "event": {
        "detail-type": "{schema}.POST",
        "detail": { "rootSchema": "{schema}", "payload": { "id": "first", "name": "First" } }
      },
      "expect": {
        "status": 201,
        "record": { "id": "first", "name": "First" },
        "outputs": [
          { "detail-type": "{schema}.POST", "payload": { "id": "first", "name": "First" } }
        ]
      }
    }
  ]
}
`
