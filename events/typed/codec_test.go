package typed_test

import (
	stdjson "encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// tree is a generated type as the generator writes them, with a member of every
// kind that it knows.
type tree struct {
	Name     string                      `json:"name"`
	Count    events.Number               `json:"count"`
	Small    *int32                      `json:"small,omitzero"`
	Live     *bool                       `json:"live,omitzero"`
	At       events.Timestamp            `json:"at"`
	Owner    *events.ARN                 `json:"owner,omitzero"`
	Either   *events.StringOrNumber      `json:"either,omitzero"`
	Maybe    events.Nullable[string]     `json:"maybe,omitzero"`
	Child    *tree                       `json:"child,omitzero"`
	Children []tree                      `json:"children,omitzero"`
	Labels   map[string]string           `json:"labels,omitzero"`
	ByName   map[string]tree             `json:"byName,omitzero"`
	Matrix   [][]events.Number           `json:"matrix,omitzero"`
	Any      jsontext.Value              `json:"any,omitzero"`
	Nested   events.Nullable[tree2]      `json:"nested,omitzero"`
	Mixed    []events.Nullable[jsonText] `json:"mixed,omitzero"`

	Unknown typed.Unknown `json:"-"`
}

func (d tree) MarshalJSON() ([]byte, error)  { return typed.MarshalStruct(d) }
func (d *tree) UnmarshalJSON(b []byte) error { return typed.UnmarshalStruct(b, d) }

type tree2 struct {
	X string `json:"x"`

	Unknown typed.Unknown `json:"-"`
}

func (d tree2) MarshalJSON() ([]byte, error)  { return typed.MarshalStruct(d) }
func (d *tree2) UnmarshalJSON(b []byte) error { return typed.UnmarshalStruct(b, d) }

type jsonText = string

// plainTree is the same without methods, as package json reads it.
type plainTree struct {
	Name     string                      `json:"name"`
	Count    events.Number               `json:"count"`
	Small    *int32                      `json:"small,omitzero"`
	Live     *bool                       `json:"live,omitzero"`
	At       events.Timestamp            `json:"at"`
	Owner    *events.ARN                 `json:"owner,omitzero"`
	Either   *events.StringOrNumber      `json:"either,omitzero"`
	Maybe    events.Nullable[string]     `json:"maybe,omitzero"`
	Child    *plainTree                  `json:"child,omitzero"`
	Children []plainTree                 `json:"children,omitzero"`
	Labels   map[string]string           `json:"labels,omitzero"`
	ByName   map[string]plainTree        `json:"byName,omitzero"`
	Matrix   [][]events.Number           `json:"matrix,omitzero"`
	Any      jsontext.Value              `json:"any,omitzero"`
	Nested   events.Nullable[plain2]     `json:"nested,omitzero"`
	Mixed    []events.Nullable[jsonText] `json:"mixed,omitzero"`

	Unknown jsontext.Value `json:",embed"`
}

type plain2 struct {
	X string `json:"x"`

	Unknown jsontext.Value `json:",embed"`
}

var trees = []string{
	`{}`, `null`, `{"name":"a","count":12345678901234567890.10,"small":-7,"live":true,"at":"2026-01-02T03:04:05Z"}`,
	`{"owner":"arn:aws:s3:::b","either":7,"maybe":null,"child":{"name":"b","child":{}},"children":[{"name":"c"},{"more":1}]}`,
	`{"either":"x","labels":{"a":"1","b":""},"byName":{"x":{"count":1e400}},"matrix":[[1,2],[]],"any":{"z":1,"a":[null]}}`,
	`{"name":null,"count":null,"small":null,"child":null,"children":null,"labels":null,"any":null,"either":null,"live":null,"matrix":[null]}`,
	`{"n\u0061me":"escaped","unk\u006fwn":1,"other":{"b":2,"a":1},"":[]}`, `{"nested":{"x":"y","z":1},"mixed":["a",null,""]}`,
	`{"children":[],"labels":{},"mixed":[]}`, `{"name":"\ud83d\ude00\n","Name":"case"}`,
}

var badTrees = []string{
	``, `x`, `[]`, `"x"`, `7`, `{`, `{"name"}`, `{"name":}`, `{"name":7}`, `{"name":{}}`, `{"name":"a","name":"b"}`, `{"x":1,"x":2}`,
	`{"count":"1"}`, `{"small":1.5}`, `{"small":3000000000}`, `{"live":"true"}`, `{"live":0}`, `{"children":{}}`, `{"children":[7]}`, `{"children":[{"name":1}]}`,
	`{"labels":[]}`, `{"labels":{"a":1}}`, `{"labels":{"a":"1","a":"2"}}`, `{"matrix":[1]}`, `{"either":[]}`, `{"either":true}`, `{"nested":{"x":1}}`,
	`{} {}`, "{\"name\":\"\xff\"}", "{\"other\":\"\xff\"}", `{"any":{"a":1,"a":2}}`, `{"other":[{"a":1,"a":2}]}`,
}

// TestCodecReadsAsPackageJSONDoes compares the codec with package json on the
// same struct without methods.
func TestCodecReadsAsPackageJSONDoes(t *testing.T) {
	for _, text := range append(trees, badTrees...) {
		compareCodecs(t, []byte(text))
	}
}

func compareCodecs(t *testing.T, text []byte) {
	t.Helper()
	compareCodec(t, text, typed.UnmarshalStruct)
	compareCodec(t, text, typed.UnmarshalExactly)
}

func compareCodec(t *testing.T, text []byte, unmarshal func([]byte, any) error) {
	t.Helper()
	var got tree
	var want plainTree
	gotErr, wantErr := unmarshal(text, &got), json.Unmarshal(text, &want)
	if (gotErr == nil) != (wantErr == nil) {
		t.Errorf("%q: error %v, package json's %v", text, gotErr, wantErr)
	}
	if gotErr != nil || wantErr != nil {
		return
	}
	a, err := typed.MarshalStruct(got)
	if err != nil {
		t.Errorf("%q: %v", text, err)
	}
	b, err := json.Marshal(want, json.Deterministic(true))
	if err != nil || string(a) != string(b) {
		t.Errorf("%q: written as\n%s\npackage json, %v:\n%s", text, a, err, b)
	}
	var again tree
	if err := unmarshal(a, &again); err != nil {
		t.Errorf("%q: %s cannot be read: %v", text, a, err)
	}
	if c, err := typed.MarshalStruct(again); err != nil || string(c) != string(a) {
		t.Errorf("%q: %s is written the second time as %s, %v", text, a, c, err)
	}
}

// TestDecodeEvent: the text of an event decodes as its envelope does.
func TestDecodeEvent(t *testing.T) {
	r := typed.NewRegistry(typed.Map{{Source: "s", DetailType: "t"}: typed.Decode[tree], {Source: "s", DetailType: "plain"}: typed.Decode[plainTree]})
	var texts []string
	for _, detail := range append(trees, badTrees...) {
		texts = append(texts, `{"source":"s","detail-type":"t","detail":`+detail+`}`, `{"detail":`+detail+`,"detail-type":"plain","source":"s"}`,
			`{"source":"other","detail-type":"t","detail":`+detail+`}`)
	}
	for _, members := range []string{`"version":"0","id":"1","account":"1","time":"x","region":"r","resources":["a","b"],`, `"version":0,`, `"resources":[],`, `"resources":null,`,
		`"resources":[7],`, `"id":null,`, `"id":7,`, `"more":1,`, `"source":"s",`, `"detail":{},`, `"replay-name":"x",`, `"id":"\u00e9",`, "\"id\":\"\xff\",", "\"id\":\"\n\",", ` "id" : "a" ,`} {
		texts = append(texts, `{`+members+`"source":"s","detail-type":"t","detail":{"name":"a"}}`)
	}
	texts = append(texts, ``, `{}`, `[]`, `{"source":"s","detail-type":"t"}`, `{"source":"s","detail-type":"t","detail":{"name":"a"}} x`, `{"source":"s","detail-type":"t","detail":{"name":"a"}`,
		`{"source":"s","detail-type":"t","detail":{"any":`+strings.Repeat("[", 70)+strings.Repeat("]", 70)+`}}`)
	for _, text := range texts {
		var want typed.Decoded
		e, wantErr := events.DecodeEnvelope([]byte(text))
		if wantErr == nil {
			want, wantErr = r.Decode(e)
		}
		got, err := r.DecodeEvent([]byte(text))
		if fault.MessageOf(err) != fault.MessageOf(wantErr) || fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%q: %T, %v; want %T, %v", text, got, err, want, wantErr)
			continue
		}
		if a, b := fmt.Sprintf("%+v", encoded(t, got)), fmt.Sprintf("%+v", encoded(t, want)); a != b {
			t.Errorf("%q decodes as\n%s\nwant\n%s", text, a, b)
		}
	}
}

// encoded returns an event's envelope and detail as text.
func encoded(t *testing.T, e typed.Decoded) string {
	t.Helper()
	if e == nil {
		return "none"
	}
	envelope, err := e.Raw().Encode()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(envelope) + "\n" + string(whole)
}

func FuzzCodec(f *testing.F) {
	for _, text := range append(trees, badTrees...) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) { compareCodecs(t, text) })
}

// TestCodecNamesThePlace: an error says where the member is.
func TestCodecNamesThePlace(t *testing.T) {
	r := typed.NewRegistry(typed.Map{{Source: "s", DetailType: "t"}: typed.Decode[tree]})
	for detail, want := range map[string]string{
		`{"name":7}`: "/detail/name", `{"children":[{},{"count":"x"}]}`: "/detail/children/1/count", `{"byName":{"a/b":{"live":1}}}`: "/detail/byName/a~1b/live",
		`{"matrix":[[1],["x"]]}`: "/detail/matrix/1/0", `{"child":{"small":1.5}}`: "/detail/child/small", `[]`: "/detail", `{"either":[]}`: "/detail/either",
		`{"x":1,"x":2}`: "/detail/x",
	} {
		event, err := r.Decode(events.Envelope{Source: "s", DetailType: "t", Detail: jsontext.Value(detail)})
		violations := fault.ViolationsOf(err)
		if !fault.Is(err, fault.Invalid) || len(violations) != 1 || violations[0].Pointer != want {
			t.Errorf("%s: %v at %+v, want Invalid at %s", detail, err, violations, want)
		}
		if event == nil || string(event.Raw().Detail) != detail {
			t.Errorf("%s: the envelope is lost", detail)
		}
	}
}

// TestEncodingJSON: generated types keep every member with encoding/json too, by
// themselves and inside of other types.
func TestEncodingJSON(t *testing.T) {
	const text = `{"name":"a","count":1.0,"at":"","either":7,"maybe":null,"child":{"name":"","count":0,"at":"","more":[1,{"a":null}]},"other":{"b":2,"a":1}}`
	var in struct {
		Value  tree
		List   []tree
		Number events.Number
		Text   events.StringOrNumber
		Null   events.Nullable[int]
	}
	document := `{"Value":` + text + `,"List":[` + text + `],"Number":12345678901234567890,"Text":"x","Null":null}`
	if err := stdjson.Unmarshal([]byte(document), &in); err != nil {
		t.Fatal(err)
	}
	if string(in.Value.Unknown) != `{"other":{"b":2,"a":1}}` || in.List[0].Child.Name != "" || in.Number != "12345678901234567890" || !in.Null.IsNull() {
		t.Errorf("read as %+v", in)
	}
	out, err := stdjson.Marshal(in)
	if err != nil || string(out) != document {
		t.Errorf("written as\n%s, %v; want\n%s", out, err, document)
	}
	if out, err := stdjson.Marshal(tree{}); err != nil || strings.Contains(string(out), "Unknown") {
		t.Errorf("the zero value is written as %s, %v", out, err)
	}
	for _, bad := range []typed.Unknown{[]byte(`[]`), []byte(`{"name":"again"}`), []byte(`{`), []byte(`{"a":1} x`)} {
		if out, err := stdjson.Marshal(tree{Unknown: bad}); err == nil {
			t.Errorf("Unknown %q is written as %s, want an error", bad, out)
		}
	}
}

// TestDecodeEventIsStrict: also of a decoder that reads nothing of the detail.
func TestDecodeEventIsStrict(t *testing.T) {
	lazy := func(e events.Envelope) (typed.Decoded, error) { return &typed.Event[plainTree]{Envelope: e}, nil }
	raw := func(e events.Envelope) (typed.Decoded, error) { return &e, nil }
	r := typed.NewRegistry(typed.Map{{Source: "s", DetailType: "lazy"}: lazy, {Source: "s", DetailType: "raw"}: raw})
	for _, kind := range []string{"lazy", "raw"} {
		for _, detail := range []string{`{"a":1,"a":2}`, `{x}`, `[1 2]`} {
			if event, err := r.DecodeEvent([]byte(`{"source":"s","detail-type":"` + kind + `","detail":` + detail + `}`)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%s %s decodes as %T, %v; want Invalid", kind, detail, event, err)
			}
		}
	}
}
