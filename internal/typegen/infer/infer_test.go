package infer_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

func detail(t testing.TB, samples ...string) *schema.Type {
	t.Helper()
	var all *schema.Type
	for _, s := range samples {
		of, err := infer.Of(jsontext.Value(s))
		if err != nil {
			t.Fatal(err)
		}
		all = infer.Join(all, of)
	}
	return all
}

// describe writes a type in one line.
func describe(t *schema.Type) string {
	if t == nil {
		return "-"
	}
	text := strings.Join(t.Kinds, "|")
	if text == "" {
		text = "any"
	}
	if t.Format != "" {
		text += ":" + t.Format
	}
	if t.Items != nil {
		text += "[" + describe(t.Items) + "]"
	}
	if t.Additional != nil {
		text += "<" + describe(t.Additional) + ">"
	}
	var members []string
	for name, p := range t.Properties {
		if !t.Required[name] {
			name += "?"
		}
		members = append(members, name+" "+describe(p))
	}
	if slices.Sort(members); len(members) > 0 {
		text += "{" + strings.Join(members, ", ") + "}"
	}
	if t.Empty {
		text += "(empty)"
	}
	if t.Nullable {
		text += "?"
	}
	return text
}

func TestJoin(t *testing.T) {
	for _, c := range []struct{ samples, want string }{
		{`1`, "integer:int64"}, {`1 1.5`, "number"}, {`9223372036854775808`, "number"}, {`1.0`, "number"}, {`1 "a"`, "number|string"}, {`"a" 1.5`, "number|string"}, {`1 "a" 2.5`, "number|string"}, {`1 "a" true`, "any"}, {`true "a"`, "any"},
		{`"a" null`, "string?"}, {`null`, "any(empty)?"}, {`null null 1`, "integer:int64?"}, {`null 1 "a"`, "number|string?"},
		{`"2026-01-02T03:04:05Z"`, "string:date-time"}, {`"2026-01-02T03:04:05Z" ""`, "string"}, {`"2026-01-02"`, "string:date"},
		{`"9c95e8e4-96a4-ef3f-b739-b6aa5b193afb"`, "string:uuid"}, {`"10.0.0.255"`, "string:ipv4"}, {`"10.0.0.256"`, "string"},
		{`[]`, "array(empty)"}, {`[] [1]`, "array[integer:int64]"}, {`[1,null]`, "array[integer:int64?]"}, {`[1,"a"]`, "array[number|string]"}, {`"arn:aws:s3:::b"`, "string:arn"}, {`"arn:aws:s3:::b" "b"`, "string"},
		{`{}`, "object(empty)"}, {`{} {"a":1}`, "object{a? integer:int64}"},
		{`{"a":1,"b":true} {"a":null,"c":[]}`, "object{a integer:int64?, b? boolean, c? array(empty)}"},
		{`{"a":{"x":1}} {"a":{"y":2}}`, "object{a object{x? integer:int64, y? integer:int64}}"},
		{`{"123456789012":1}`, "object<integer:int64>"}, {`{"2026-01-02T03:04:05Z":{"a":1},"b":{}}`, "object<object{a? integer:int64}>"},
		{`{"i-0abcd1234":"x","plain":"y"}`, "object<string>"},
		{`{"Region/AZ":"us-east-1","Instance ID":"i"}`, "object<string>"},
		{`{"Instance ID":"i","n":7}`, "object{Instance ID string, n integer:int64}"},
		{`{"aws:cloudformation:stack-name":"s"}`, "object<string>"},
		{`{"instance-id":"i","x-amz-id-2":"s"}`, "object{instance-id string, x-amz-id-2 string}"},
		{`{"a":1} {"123456789012":1} {"b":1}`, "object<integer:int64>"},
		{`{"k":1} []`, "any"},
	} {
		if got := describe(detail(t, split(t, c.samples)...)); got != c.want {
			t.Errorf("%s gives %s, want %s", c.samples, got, c.want)
		}
	}
}

// split takes JSON values apart that stand one after the other.
func split(t *testing.T, text string) []string {
	t.Helper()
	var values []string
	for dec := jsontext.NewDecoder(strings.NewReader(text)); ; {
		v, err := dec.ReadValue()
		if errors.Is(err, io.EOF) {
			return values
		}
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, string(v))
	}
}

// TestWritingAndReadingKeepsTheSchema is what lets a later run only widen.
func TestWritingAndReadingKeepsTheSchema(t *testing.T) {
	for _, sample := range []string{`{}`, `{"a":null,"b":[],"c":{},"d":[null,1.5],"e":{"123456789012":{}},"f":[1,"x"],"g":"2026-01-02"}`} {
		d := infer.New("shop", "Order Paid", detail(t, sample))
		text, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := schema.Read(d.Name, text)
		if err != nil {
			t.Fatal(err)
		}
		second, err := again.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(text), string(second)); diff != "" {
			t.Errorf("%s:\n%s", sample, diff)
		}
		if got, want := describe(again.Components["OrderPaid"]), describe(d.Components["OrderPaid"]); strings.ReplaceAll(got, "[any]", "") != strings.ReplaceAll(want, "[any]", "") {
			t.Errorf("%s: read back as %s, was %s", sample, got, want)
		}
	}
}

// TestMoreSamplesOnlyWiden grows a schema by one random sample after the other,
// writing and reading it each time, and has a validator check after each that
// every sample so far still fits.
func TestMoreSamplesOnlyWiden(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for round := range 60 {
		var d *schema.Document
		var samples []string
		for range 6 {
			sample := value(random, 0)
			samples = append(samples, sample)
			var err error
			d, err = infer.Widen(d, &events.Envelope{Source: "shop", DetailType: "Paid", Detail: jsontext.Value(sample)})
			if err != nil {
				t.Fatal(err)
			}
			text, err := d.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if d, err = schema.Read(d.Name, text); err != nil {
				t.Fatal(err)
			}
			validator := compile(t, string(text))
			for _, s := range samples {
				v, _ := jsonschema.UnmarshalJSON(strings.NewReader(s))
				if err := validator.Validate(v); err != nil {
					t.Fatalf("round %d: sample %s no longer fits\n%s\n%v", round, s, text, err)
				}
			}
		}
	}
}

// compile makes a validator of an OpenAPI 3.0 document, whose nullable is no
// word of JSON Schema.
func compile(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	nullable(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("doc.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc.json#/components/schemas/Paid")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func nullable(v any) {
	switch v := v.(type) {
	case map[string]any:
		if kind, ok := v["type"].(string); ok && v["nullable"] == true {
			v["type"] = []any{kind, "null"}
		}
		for _, child := range v {
			nullable(child)
		}
	case []any:
		for _, child := range v {
			nullable(child)
		}
	}
}

func value(r *rand.Rand, depth int) string {
	if depth > 0 {
		scalars := []string{`null`, `true`, `1`, `1.5`, `"a"`, `""`, `"2026-01-02"`, `"2026-01-02T03:04:05Z"`, `[]`, `{}`, `9223372036854775808`}
		if depth > 3 || r.IntN(3) > 0 {
			return scalars[r.IntN(len(scalars))]
		}
		if r.IntN(2) == 0 {
			return "[" + value(r, depth+1) + "," + value(r, depth+1) + "]"
		}
	}
	names := []string{"a", "b", "c", "d e", "123456789012"}
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var members []string
	for _, name := range names[:r.IntN(len(names))] {
		members = append(members, fmt.Sprintf("%q:%s", name, value(r, depth+1)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestName(t *testing.T) {
	for _, c := range [][3]string{
		{"aws.ec2", "EC2 Instance State-change Notification", "aws.ec2@EC2InstanceStateChangeNotification"},
		{"shop", "pet.POST", "shop@PetPOST"}, {"../x", "…", "x@Event"}, {"a b\n", "c", "a-b-@C"},
	} {
		if got := infer.Name(c[0], c[1]); got != c[2] {
			t.Errorf("%q, %q is named %q, want %q", c[0], c[1], got, c[2])
		}
	}
}

func TestWidenRefuses(t *testing.T) {
	for _, e := range []events.Envelope{
		{}, {Source: "a"}, {Source: "a", DetailType: "b"}, {Source: "a", DetailType: "b", Detail: jsontext.Value(`[]`)},
	} {
		if _, err := infer.Widen(nil, &e); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", e, err)
		}
	}
	old := infer.New("a", "b", detail(t, `{}`))
	if _, err := infer.Widen(old, &events.Envelope{Source: "c", DetailType: "b", Detail: jsontext.Value(`{}`)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("another event's sample: %v", err)
	}
}

// TestWidenARegistrysDocument starts from what a registry exported.
func TestWidenARegistrysDocument(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "testdata", "registry", "order@NewOrder.json"))
	if err != nil {
		t.Fatal(err)
	}
	old, err := schema.Read("order@NewOrder", data)
	if err != nil {
		t.Fatal(err)
	}
	d, err := infer.Widen(old, &events.Envelope{Source: "order", DetailType: "NewOrder",
		Detail: jsontext.Value(`{"orderId":"1","customer":{"city":null}}`)})
	if err != nil {
		t.Fatal(err)
	}
	const want = "object{customer object{city string?, country? string, firstName? string, lastName? string, street? string, zip? string}, orderId string, productId? string}"
	if got := describe(d.Components["NewOrder"]); got != want {
		t.Errorf("widened to %s, want %s", got, want)
	}
}
