package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	deployGuide     = "../doc/deploy.md"
	operationsGuide = "../doc/operations.md"
)

// TestPermissionsTable keeps the table of doc/deploy.md what the template says.
func TestPermissionsTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("| who | may | on | if |\n|---|---|---|---|\n")
	for _, row := range permissions(plain()) {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
	generated(t, deployGuide, "permissions", b.String())
}

// permissions lists what the template allows, a row for each statement.
func permissions(t template) [][]string {
	var rows [][]string
	for _, s := range t.statements() {
		if s.body["Effect"] == "Allow" && s.kind != "AWS::IAM::Role" {
			rows = append(rows, []string{t.who(s), code(list(s.body["Action"])), code(list(s.about())), condition(s.body["Condition"])})
		}
	}
	for _, p := range t.of("AWS::Lambda::Permission") {
		rows = append(rows, []string{text(at(p, "Properties", "Principal")), code([]any{at(p, "Properties", "Action")}),
			code([]any{at(p, "Properties", "FunctionName")}), "the source is " + code([]any{at(p, "Properties", "SourceArn")})})
	}
	for _, row := range rows {
		for i := range row {
			row[i] = t.readable(row[i])
		}
	}
	slices.SortFunc(rows, slices.Compare)
	return rows
}

// who is the role that a statement is attached to, or the principal of a
// resource's own policy.
func (t template) who(s statement) string {
	if service := s.principal(); service != "" {
		return service
	}
	if aws := text(at(s.body, "Principal", "AWS")); aws != "" {
		return "this account, as its own IAM policies allow"
	}
	owner := t["Resources"].(map[string]any)[s.owner]
	return "role " + code(list(at(owner, "Properties", "Roles")))
}

// about is what a statement is about; in a key's policy * is that key.
func (s statement) about() any {
	if s.kind == "AWS::KMS::Key" {
		return "${" + s.owner + "}"
	}
	return s.body["Resource"]
}

func code(values []any) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = "`" + text(v) + "`"
	}
	return strings.Join(words, " ")
}

func condition(v any) string {
	var words []string
	operators, _ := v.(map[string]any)
	for operator, members := range operators {
		for key, value := range members.(map[string]any) {
			words = append(words, fmt.Sprintf("`%s` %s `%s`", key, operator, text(value)))
		}
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

var reference = regexp.MustCompile(`\$\{([A-Za-z0-9]+)(\.Arn)?\}`)

// readable puts the names of resources in the place of their logical ids.
func (t template) readable(s string) string {
	names := map[string]string{
		"AWS::DynamoDB::Table": "TableName", "AWS::S3::Bucket": "BucketName", "AWS::SQS::Queue": "QueueName", "AWS::SNS::Topic": "TopicName",
		"AWS::Logs::LogGroup": "LogGroupName", "AWS::IAM::Role": "RoleName", "AWS::Lambda::Function": "FunctionName",
	}
	return reference.ReplaceAllStringFunc(s, func(ref string) string {
		id := reference.FindStringSubmatch(ref)[1]
		switch r, ours := t["Resources"].(map[string]any)[id].(map[string]any); {
		case !ours:
			return "{" + id + "}"
		case r["Type"] == "AWS::KMS::Key":
			return "the key"
		case names[r["Type"].(string)] != "":
			return reference.ReplaceAllString(text(at(r, "Properties", names[r["Type"].(string)])), "{$1}")
		default:
			return "{" + id + "}"
		}
	})
}

// TestContextTable: every key is in the guide, and no other.
func TestContextTable(t *testing.T) {
	guide, err := os.ReadFile(deployGuide)
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z]+)` \\|").FindAllSubmatch(guide, -1) {
		documented[string(m[1])] = true
	}
	known := keysOf(func(r map[string]any) error { _, err := ReadConfig(r); return err })
	for key := range keysOf(func(r map[string]any) error { _, err := ReadTargetBusConfig(r); return err }) {
		known[key] = true
	}
	for key := range known {
		if !documented[key] {
			t.Errorf("%s does not tell of the context key %s", deployGuide, key)
		}
	}
	for key := range documented {
		if !known[key] {
			t.Errorf("%s tells of %s, which is no context key", deployGuide, key)
		}
	}
}

// keysOf asks a reader of context keys which there are: it says so when it meets
// another.
func keysOf(read func(map[string]any) error) map[string]bool {
	_, told, _ := strings.Cut(read(map[string]any{"noSuchKey": "x"}).Error(), "those that are: ")
	told, _, _ = strings.Cut(told, "\n")
	keys := map[string]bool{}
	for _, key := range strings.Split(told, ", ") {
		if key != "noSuchKey" {
			keys[key] = true
		}
	}
	return keys
}

// TestEveryAlarmIsExplained: an alarm's description leads to a section that is
// there.
func TestEveryAlarmIsExplained(t *testing.T) {
	guide, err := os.ReadFile(operationsGuide)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range complete().of("AWS::CloudWatch::Alarm") {
		name := strings.TrimPrefix(text(at(a, "Properties", "AlarmName")), "eventrouter-prod-")
		if !bytes.Contains(guide, []byte("\n### "+name+"\n")) {
			t.Errorf("%s has no section %q", operationsGuide, name)
		}
	}
	for _, q := range queries {
		if !bytes.Contains(guide, []byte("`"+q.name+"`")) {
			t.Errorf("%s does not tell of the saved query %s", operationsGuide, q.name)
		}
	}
}

// generated compares what stands between two comments of a document with what
// should, and writes it with -update.
func generated(t *testing.T, file, name, want string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := []byte("<!-- generated: "+name+" -->\n"), []byte("<!-- end: "+name+" -->\n")
	before, rest, ok := bytes.Cut(text, begin)
	got, after, closed := bytes.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %q and %q", file, begin, end)
	}
	if string(got) == want {
		return
	}
	if !*update {
		t.Fatalf("the table %s in %s is not what the template says; run: make golden\n%s", name, file, firstDifference(got, []byte(want)))
	}
	if err := os.WriteFile(file, slices.Concat(before, begin, []byte(want), end, after), 0o644); err != nil {
		t.Fatal(err)
	}
}
