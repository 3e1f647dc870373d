package store_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/store"
)

// dynamoSize is the size of a JSON value as AWS documents it for attribute
// values: a number takes a byte for two digits, one more, and one for its sign.
func dynamoSize(t *testing.T, doc string) int {
	t.Helper()
	n := 0
	dec := jsontext.NewDecoder(strings.NewReader(doc))
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		if token.Kind() == '}' || token.Kind() == ']' {
			continue
		}
		kind, length := dec.StackIndex(dec.StackDepth())
		if isName := kind == '{' && length%2 == 1; !isName {
			n++ // for each element or member
		}
		switch text := token.String(); token.Kind() {
		case '{', '[':
			n += 3
		case '"':
			n += len(text)
		case '0':
			n += 2 + (len(strings.Trim(text, "-"))+1)/2
		case 't', 'f', 'n':
			n++
		}
	}
}

func TestHeadSizeIsAnUpperBound(t *testing.T) {
	empty := (&store.Record{}).Size()
	for _, doc := range []string{
		`{}`, `{"id":"rex","n":12345678901234567890123456789012345678}`, `[[],[],[[]],{}]`, `{"a":{"b":{"c":[true,false,null]}}}`,
		`["\u0041\u00e9\u20ac\ud83d\ude00\n\\\""]`, `["é€😀"]`, `{"\u0061\u0062":1}`, `[1,2,3,4,5,6,7,8,9,0]`,
		`[` + strings.Repeat(`-12345678901234567890123456789012345678,`, 500) + `1]`,
		`{"s":"` + strings.Repeat(`\u20ac`, 1000) + `"}`,
	} {
		got := (&store.Record{Data: jsontext.Value(doc)}).Size() - empty
		if least := max(dynamoSize(t, doc), len(doc)); got < least || got > 2*least+16 {
			t.Errorf("%.60s: size %d, DynamoDB takes %d", doc, got, least)
		}
	}
}

func TestSizeGrowsWithWhatIsStored(t *testing.T) {
	var m store.IdempotencyRecord
	before := m.Size()
	text := strings.Repeat("é", 50)
	grow := func(what string, by int) {
		t.Helper()
		if got := m.Size() - before; got < by {
			t.Errorf("%s adds %d, it takes %d", what, got, by)
		}
		before = m.Size()
	}
	m.Key.Value = text
	grow("idempotency key", 2*len(text))
	m.Result.Ref.Key = "rex"
	grow("record key", 2*3)
	m.Result.Message = text
	grow("message", len(text))
	m.Outputs.Payload = jsontext.Value(text)
	grow("payload", len(text))
	m.Outputs.Document = jsontext.Value(text)
	grow("record", len(text))
	m.Outputs.CorrelationID, m.Outputs.InputEventID, m.Outputs.TraceHeader = text, text, text
	grow("ids", 3*len(text))
	for range 90 {
		m.Outputs.Entries = append(m.Outputs.Entries, store.Entry{Source: text})
	}
	grow("entries", 90*(len(text)+100))
	if m.Size() > 90*(len(text)+200)+4096 {
		t.Errorf("90 entries of one payload take %d", m.Size())
	}
	if utf8.RuneCountInString(text) != 50 {
		t.Fatal("the test must count bytes")
	}
}

func BenchmarkHeadSize(b *testing.B) {
	h := store.Record{Data: jsontext.Value(`{"id":"rex","name":"` + strings.Repeat("n", 500) + `","price":12.5,"tags":["a","b"]}`)}
	b.ReportAllocs()
	for b.Loop() {
		if h.Size() == 0 {
			b.Fatal("no size")
		}
	}
}
