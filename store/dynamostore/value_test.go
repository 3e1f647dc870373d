package dynamostore

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

var documents = []string{
	`{}`, `[]`, `""`, `null`, `true`, `false`, `0`, `-1`,
	`{"a":[],"b":{},"c":""}`,
	`{"":1,"~":2,"~~":3,"~a":4,"a~":5}`,
	`{"n":12345678901234567890.10,"e":1e-7,"big":12345678901234567890123456789012345678}`,
	`["é","日本","\u0000","\"\\\n","😀"]`,
	`{"deep":[[[[[[{"x":[{}]}]]]]]]}`,
	strings.Repeat("[", store.MaxLevels) + strings.Repeat("]", store.MaxLevels),
}

func TestValueRoundTrip(t *testing.T) {
	for _, doc := range documents {
		v, err := parseValue(jsontext.Value(doc))
		if err != nil {
			t.Errorf("%s: %v", doc, err)
			continue
		}
		back, err := appendValue(nil, v)
		if err != nil || !store.Equal(back, jsontext.Value(doc)) {
			t.Errorf("%s came back as %s, %v", doc, back, err)
		}
	}
}

func TestValueIsNative(t *testing.T) {
	v, err := parseValue(jsontext.Value(`{"n":1.50,"s":"x","z":-0.0e99,"l":[true,null],"":"empty"}`))
	if err != nil {
		t.Fatal(err)
	}
	m := v.(*types.AttributeValueMemberM).Value
	if n := m["n"].(*types.AttributeValueMemberN); n.Value != "1.50" {
		t.Errorf("number %q", n.Value)
	}
	if z := m["z"].(*types.AttributeValueMemberN); z.Value != "0" {
		t.Errorf("zero %q: DynamoDB rejects a large exponent", z.Value)
	}
	if s := m["~"].(*types.AttributeValueMemberS); s.Value != "empty" {
		t.Errorf("empty name holds %q", s.Value)
	}
	l := m["l"].(*types.AttributeValueMemberL).Value
	if !l[0].(*types.AttributeValueMemberBOOL).Value || !l[1].(*types.AttributeValueMemberNULL).Value {
		t.Errorf("list %v", l)
	}
}

func TestValueTooDeep(t *testing.T) {
	_, err := parseValue(jsontext.Value(strings.Repeat(`{"a":`, store.MaxLevels+1) + "1" + strings.Repeat("}", store.MaxLevels+1)))
	if !fault.Is(err, fault.TooLarge) || len(fault.ViolationsOf(err)) != 1 {
		t.Errorf("%v, want the fault too-large with its place", err)
	}
}

func TestParseValueRejectsInvalidJSON(t *testing.T) {
	for _, doc := range []string{``, `{`, `[`, `{"a"`, `{"a":}`, `[1,`, `nul`, `01`, `{} {}`, `{"a":1,"a":2}`, "\"\xff\"", `[1}`, `{"a":1]`} {
		if v, err := parseValue(jsontext.Value(doc)); err == nil {
			t.Errorf("%q is parsed as %v", doc, v)
		}
	}
}

func TestValueWithoutJSONEquivalent(t *testing.T) {
	for _, v := range []types.AttributeValue{
		&types.AttributeValueMemberSS{Value: []string{"a"}},
		&types.AttributeValueMemberB{Value: []byte("a")},
		&types.AttributeValueMemberM{Value: item{"a": &types.AttributeValueMemberNS{Value: []string{"1"}}}},
	} {
		if b, err := appendValue(nil, v); err == nil {
			t.Errorf("%T is encoded as %s", v, b)
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := parseValue(doc)
		if err != nil {
			return
		}
		if !jsontext.Value(doc).IsValid() {
			t.Fatalf("%q is not JSON, but is parsed as %v", doc, v)
		}
		back, err := appendValue(nil, v)
		if err != nil {
			t.Fatalf("%q does not come back: %v", doc, err)
		}
		if !store.Equal(back, doc) {
			t.Fatalf("%q came back as %q", doc, back)
		}
	})
}
