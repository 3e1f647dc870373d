package events

import (
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

const quickEvent = `{"version":"0","id":"e1","detail-type":"pet.POST","source":"blockforger-input","account":"111122223333",
 "time":"2026-01-02T03:04:05Z","region":"eu-central-1","resources":["arn:1", "arn:2"],"detail":{"tenant":"acme","rootSchema":"pet",
 "operation":"POST","api_key":"k","payload":{"id":"rex","b":[1,{"z":1,"a":"\n"}],"a":{}},"idempotency_key":"i1","metadata":{"hops":1},"more":null}}`

// quickDocuments are documents of all kinds; quick says whether the quick path reads
// the event and its detail.
var quickDocuments = []struct {
	text  string
	quick bool
}{
	{quickEvent, true},
	{`{}`, true},
	{`{"resources":[],"detail":{}} `, true},
	{`{"resources":["é","\u00e9"]}`, false},
	{`{"resources":null}`, false},
	{`{"resources":[1]}`, false},
	{`{"resources":["a",]}`, false},
	{`{"id":"e","id":"f"}`, false},
	{`{"ID":"e"}`, false},
	{`{"i\u0064":"e"}`, false},
	{`{"version":0}`, false},
	{`{"version":null}`, false},
	{`{"id":null,"detail":{"tenant":"acme"}}`, false},
	{`{"id":"\ud800"}`, false},
	{"{\"id\":\"\xff\"}", false},
	{"{\"detail\":{\"tenant\":\"\xff\"}}", false},
	{`{"unknown":1}`, false},
	{`{"detail":{"tenant":null}}`, false},
	{`{"detail":{"tenant":"a","tenant":"b"}}`, false},
	{`{"detail":{"Tenant":"a"}}`, true},
	{`{"detail":{"payload":{"a":1,"a":2}}}`, false},
	{`{"detail":{"payload":{"a":{"b":1,"b":2}}}}`, false},
	{`{"detail":{"payload":[{"a":1},{"a":2}],"api_key": 5 }}`, true},
	{`{"detail":{"operation":null}}`, false},
	{`{"detail":{"operation":"\u0050UT"}}`, false},
	{`{"detail":"text"}`, true},
	{`{"detail":{"payload":{"n":1e400,"m":-0,"o":1.50}}}`, true},
	{`{"detail":{"payload":{"n":01}}}`, false},
	{`{"detail":{}} x`, false},
	{`[]`, false}, {`null`, false}, {``, false}, {`{`, false}, {`{"detail":{}`, false}, {`{"detail"}`, false}, {`{"id":"e",}`, false},
	{`{"detail":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}`, true},
	{`{"detail":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, false},
	{`{"detail":{"payload":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}}`, false},
}

// checkQuick compares the quick path with the codec on one document.
func checkQuick(t *testing.T, data []byte) (quick bool) {
	t.Helper()
	var got, want Envelope
	quick = quickEnvelope(data, &got)
	codecErr := decode("event", data, &want)
	if quick && (codecErr != nil || !reflect.DeepEqual(got, want)) {
		t.Fatalf("%q is quickly read as %+v, by the codec as %+v, %v", data, got, want, codecErr)
	}
	if e, err := DecodeEnvelope(data); (err == nil) != (codecErr == nil) || err != nil && err.Error() != codecErr.Error() || err == nil && !reflect.DeepEqual(e, want) {
		t.Fatalf("%q is decoded as %+v, %v; by the codec as %+v, %v", data, e, err, want, codecErr)
	}
	for _, document := range [][]byte{data, want.Detail} {
		var wireGot, wireWant wireInput
		if quickInput(document, &wireGot) {
			if jsontext.Value(document).Kind() != '{' {
				continue // DecodeInput has rejected it before
			}
			if err := decode("detail", document, &wireWant); err != nil || !reflect.DeepEqual(wireGot, wireWant) {
				t.Fatalf("%q is quickly read as %+v, by the codec as %+v, %v", document, wireGot, wireWant, err)
			}
		} else if document != nil && codecErr == nil && want.Detail.Kind() == '{' {
			quick = false
		}
		var value jsontext.Value
		raw, ok := quickValue(document)
		if err := decode("document", document, &value); ok && (err != nil || string(raw) != string(value)) {
			t.Fatalf("%q is quickly read as %q, by the codec as %q, %v", document, raw, value, err)
		}
		canon, err := AppendCanonical([]byte("before"), document)
		format, formatErr := jsontext.AppendFormat([]byte("before"), document, jsontext.ReorderRawObjects(true))
		if (err == nil) != (formatErr == nil) || err == nil && string(canon) != string(format) {
			t.Fatalf("%q is canonically %q, %v; want %q, %v", document, canon, err, format, formatErr)
		}
	}
	return quick
}

func TestQuickPathAgreesWithCodec(t *testing.T) {
	for _, c := range quickDocuments {
		if quick := checkQuick(t, []byte(c.text)); quick != c.quick {
			if e, err := DecodeEnvelope([]byte(c.text)); err == nil && e.Detail.Kind() == '{' {
				var w wireInput
				t.Errorf("%.80q: quick %t (detail %t), want %t", c.text, quick, quickInput(e.Detail, &w), c.quick)
			} else {
				t.Errorf("%.80q: quick %t, want %t", c.text, quick, c.quick)
			}
		}
	}
}

// FuzzQuickPath takes any bytes as an event: the quick path agrees with the codec.
func FuzzQuickPath(f *testing.F) {
	for _, c := range quickDocuments {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(`{"b":{"z":1,"a":{"y":[],"x":{}}},"a":"\/","é":1,"e":2}`))
	f.Fuzz(func(t *testing.T, data []byte) { checkQuick(t, data) })
}

// What is decoded shares no memory with what it was decoded from.
func TestDecodedValuesAreCopies(t *testing.T) {
	data := []byte(quickEvent)
	e, err := DecodeEnvelope(data)
	if err != nil {
		t.Fatal(err)
	}
	in, err := DecodeInput(&e)
	if err != nil {
		t.Fatal(err)
	}
	detail, payload := string(e.Detail), string(in.Payload)
	clear(data)
	if string(e.Detail) != detail || e.ID != "e1" {
		t.Error("the envelope shares memory with the event")
	}
	clear(e.Detail)
	if string(in.Payload) != payload || in.Tenant != "acme" {
		t.Error("the input shares memory with the detail")
	}
}
