package awsevents

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// A kind is a pair of source and detail-type.
type kind struct{ source, detailType string }

func kindOf(d *schema.Document) kind { return kind{d.Source, d.DetailType} }

// facts are what the samples of one kind show beyond the specification: a line
// of samples.jsonl. They hold no values of samples.
type facts struct {
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Samples    int    `json:"samples"`

	// Of a kind that the specification has: pointers to members, with * for the
	// elements of an array or a map. All samples have an RFC 3339 time there; some
	// a number where the specification has a string, or the reverse; some null; some
	// an array of objects where it has one object.
	DateTime       []string `json:"date-time,omitzero"`
	StringOrNumber []string `json:"string-or-number,omitzero"`
	Null           []string `json:"null,omitzero"`
	Array          []string `json:"array,omitzero"`

	// Of any other kind: the type of the detail, in OpenAPI.
	Detail jsontext.Value `json:"detail,omitzero"`
}

// readFacts reads samples.jsonl.
func readFacts(text []byte) (map[kind]*facts, error) {
	all := make(map[kind]*facts)
	for line := range bytes.Lines(text) {
		f := new(facts)
		if err := json.Unmarshal(line, f); err != nil {
			return nil, fault.Wrap("awsevents.Documents", fault.Internal, err)
		}
		all[kind{f.Source, f.DetailType}] = f
	}
	return all, nil
}

// writeFacts is the reverse of readFacts.
func writeFacts(all map[kind]*facts) ([]byte, error) {
	var b bytes.Buffer
	for _, k := range slices.SortedFunc(maps.Keys(all), func(a, b kind) int {
		return strings.Compare(a.source+"\x00"+a.detailType, b.source+"\x00"+b.detailType)
	}) {
		line, err := json.Marshal(all[k], json.Deterministic(true))
		if err != nil {
			return nil, fault.Wrap("awsevents.Facts", fault.Internal, err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

// document is the document of a kind that the specification lacks; nil for
// others.
func (f *facts) document() *schema.Document {
	if len(f.Detail) == 0 {
		return nil
	}
	name := infer.Name(f.Source, f.DetailType)
	text, err := schema.EncodeOpenAPI(name, map[string]any{"AWSEvent": schema.EventNode(f.Source, f.DetailType, f.Detail)})
	if err != nil {
		return nil
	}
	d, err := schema.Read(name, text)
	if err != nil {
		return nil
	}
	d.Inferred = true
	return d
}

// refine changes the types of a document as the samples show. A kind that a
// newer specification describes in another way than the samples is left as it is
// there.
func (f *facts) refine(d *schema.Document) {
	for _, pointer := range f.DateTime {
		if t := member(d, pointer); t != nil && t.Is("string") {
			t.Format = "date-time"
		}
	}
	for _, pointer := range f.StringOrNumber {
		if t := member(d, pointer); t != nil && (t.Is("string") || t.Is("number") || t.Is("integer")) {
			t.Kinds, t.Format = []string{"number", "string"}, ""
		}
	}
	for _, pointer := range f.Array {
		t := member(d, pointer)
		if of := follow(d, t); of != nil && of.Is("object") {
			element := *t
			*t = schema.Type{Kinds: []string{"array"}, Items: &element}
		}
	}
	for _, pointer := range f.Null {
		if t := member(d, pointer); t != nil {
			t.Nullable = true
		}
	}
}

// cloudTrail holds what is true of every record of CloudTrail, whatever the source.
var cloudTrail = facts{DateTime: []string{"/eventTime", "/userIdentity/sessionContext/attributes/creationDate"}}

// member finds the type at a pointer into the detail.
func member(d *schema.Document, pointer string) *schema.Type {
	t := d.Detail
	for token := range jsontext.Pointer(pointer).Tokens() {
		t = follow(d, t)
		switch {
		case t == nil:
			return nil
		case t.Is("array") && token == "*":
			t = t.Items
		case t.Properties[token] != nil:
			t = t.Properties[token]
		case token == "*":
			t = t.Additional
		default:
			return nil
		}
	}
	return t
}

// follow replaces a reference by what it refers to.
func follow(d *schema.Document, t *schema.Type) *schema.Type {
	for n := 0; t != nil && t.Ref != ""; n++ {
		if t.Dangling || n > len(d.Components) {
			return nil
		}
		t = d.Components[t.Ref]
	}
	return t
}

// required is the number of samples that prove a member required.
const required = 3

// Facts compares sample events with the documents of a specification, and returns
// the text of samples.jsonl.
func Facts(documents []*schema.Document, samples []events.Envelope) ([]byte, error) {
	specified := make(map[kind]*schema.Document)
	for _, d := range documents {
		specified[kindOf(d)] = d
	}
	collectors := make(map[kind]*collector)
	for _, e := range samples {
		k := kind{e.Source, string(e.DetailType)}
		c := collectors[k]
		if c == nil {
			c = &collector{document: specified[k], members: make(map[string]*seen)}
			collectors[k] = c
		}
		c.samples++
		if c.document != nil {
			if err := c.compare("", c.document.Detail, e.Detail); err != nil {
				return nil, err
			}
			continue
		}
		inferred, err := infer.Widen(c.inferred, &e)
		if err != nil {
			return nil, err
		}
		c.inferred = inferred
	}
	all := make(map[kind]*facts)
	for k, c := range collectors {
		if f := c.facts(k); f != nil {
			all[k] = f
		}
	}
	return writeFacts(all)
}

// ReadSamples reads files of sample events: one or several each.
func ReadSamples(files ...string) ([]events.Envelope, error) {
	var all []events.Envelope
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fault.Errorf(fault.Invalid, "samples %s cannot be read: %v", file, err)
		}
		dec := jsontext.NewDecoder(bytes.NewReader(data))
		for dec.PeekKind() != 0 {
			value, err := dec.ReadValue()
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "samples %s cannot be read: %v", file, err)
			}
			e, err := events.DecodeEnvelope(value)
			if err != nil {
				return nil, fault.Errorf(fault.Invalid, "samples %s: %s", file, fault.MessageOf(err))
			}
			all = append(all, e)
		}
	}
	return all, nil
}

// A collector gathers what the samples of one kind show.
type collector struct {
	samples  int
	document *schema.Document // of the specification; nil where it has none
	inferred *schema.Document
	members  map[string]*seen
}

// seen is what samples hold at one place.
type seen struct {
	times, otherStrings, widened, nulls, arrays int
}

func (c *collector) at(pointer string) *seen {
	s := c.members[pointer]
	if s == nil {
		s = new(seen)
		c.members[pointer] = s
	}
	return s
}

// compare walks a sample along its type.
func (c *collector) compare(pointer string, t *schema.Type, v jsontext.Value) error {
	t = follow(c.document, t)
	if t == nil || t.Choice || len(t.Kinds) == 0 {
		return nil
	}
	switch v.Kind() {
	case 'n':
		c.at(pointer).nulls++
	case '0':
		if t.Is("string") {
			c.at(pointer).widened++
		}
	case '"':
		c.compareString(pointer, t, v)
	case '[':
		var items []jsontext.Value
		if err := json.Unmarshal(v, &items); err != nil {
			return err
		}
		if t.Is("object") && len(items) > 0 && items[0].Kind() == '{' {
			c.at(pointer).arrays++
		}
		if !t.Is("array") {
			return nil
		}
		for _, item := range items {
			if err := c.compare(pointer+"/*", t.Items, item); err != nil {
				return err
			}
		}
	case '{':
		if !t.Is("object") {
			return nil
		}
		var members map[string]jsontext.Value
		if err := json.Unmarshal(v, &members); err != nil {
			return err
		}
		for name, m := range members {
			next, token := t.Properties[name], string(jsontext.Pointer("").AppendToken(name))
			if next == nil {
				next, token = t.Additional, "/*"
			}
			if err := c.compare(pointer+token, next, m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collector) compareString(pointer string, t *schema.Type, v jsontext.Value) {
	of, err := infer.Of(v)
	if err != nil {
		return
	}
	isTime := of.Format == "date-time"
	switch {
	case t.Is("string") && isTime:
		c.at(pointer).times++
	case t.Is("string"):
		c.at(pointer).otherStrings++
	case t.Is("number") || t.Is("integer"):
		// A time or a number in quotes is what a service sends; any other text is a
		// placeholder in the sample.
		if text, _ := jsontext.AppendUnquote(nil, v); isTime || isNumber(text) {
			c.at(pointer).widened++
		}
	}
}

func isNumber(text []byte) bool {
	v := jsontext.Value(text)
	return v.Kind() == '0' && v.IsValid()
}

// facts returns what is worth keeping; nil where there is nothing.
func (c *collector) facts(k kind) *facts {
	f := &facts{Source: k.source, DetailType: k.detailType, Samples: c.samples}
	if c.document == nil {
		detail := infer.Inline(c.inferred)
		c.simplify(detail)
		text, err := json.Marshal(detail.Node(), json.Deterministic(true))
		if err != nil {
			return nil
		}
		f.Detail = text
		return f
	}
	for _, pointer := range slices.Sorted(maps.Keys(c.members)) {
		s := c.members[pointer]
		if s.times > 0 && s.otherStrings == 0 && s.widened == 0 {
			f.DateTime = append(f.DateTime, pointer)
		}
		if s.widened > 0 {
			f.StringOrNumber = append(f.StringOrNumber, pointer)
		}
		if s.arrays > 0 {
			f.Array = append(f.Array, pointer)
		}
		if s.nulls > 0 {
			f.Null = append(f.Null, pointer)
		}
	}
	if f.DateTime == nil && f.StringOrNumber == nil && f.Null == nil && f.Array == nil {
		return nil
	}
	return f
}

// simplify takes back what so few samples cannot prove: that a member is
// required, that a number is an integer of 64 bits, and formats that no Go type
// needs.
func (c *collector) simplify(t *schema.Type) {
	if t == nil {
		return
	}
	if t.Format != "date-time" && t.Format != "arn" {
		t.Format = ""
	}
	if c.samples < required {
		t.Required = nil
	}
	for _, p := range t.Properties {
		c.simplify(p)
	}
	c.simplify(t.Items)
	c.simplify(t.Additional)
}
