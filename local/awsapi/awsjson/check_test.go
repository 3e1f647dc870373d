package awsjson_test

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

type inner struct {
	ID string `json:"Id" aws:"required,min=1,max=3,pattern=[a-z]+"`
}

type input struct {
	Name  string            `json:"Name" aws:"required,max=5,pattern=[\\.\\-_A-Za-z0-9]+"`
	State string            `json:"State,omitempty" aws:"enum=ON|OFF"`
	Limit *int              `json:"Limit,omitempty" aws:"min=1,max=100"`
	Items []inner           `json:"Items,omitempty" aws:"min=1,max=2"`
	One   *inner            `json:"One,omitempty"`
	Tags  map[string]string `json:"Tags,omitempty" aws:"max=1"`
	At    *awsjson.Time     `json:"At,omitempty"`
	IDs   []string          `json:"Ids,omitempty" each:"min=1,max=3,pattern=[a-z]+"`
	Paths map[string]string `json:"Paths,omitempty" keys:"min=1,max=3" each:"max=4"`
	Key   string            `json:"Key,omitempty" aws:"sensitive,max=4"`
	_     struct{}          `null:"internal"`
}

func TestCheck(t *testing.T) {
	zero, many := 0, 101
	const one = "1 validation error detected: "
	long := strings.Repeat("long ", 300)
	for _, c := range []struct {
		in   input
		want string
	}{
		{input{Name: "a.b-c"}, ""},
		{input{Name: "ünï"}, one + "Value 'ünï' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+"},
		{input{}, one + "Value null at 'name' failed to satisfy constraint: Member must not be null"},
		{input{Name: "abcdef"}, one + "Value 'abcdef' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"},
		// The pattern comes before the length.
		{input{Name: "a b c d"}, "2 validation errors detected: Value 'a b c d' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; " +
			"Value 'a b c d' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{input{Name: long}, "2 validation errors detected: Value '" + long + "' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+; " +
			"Value '" + long + "' at 'name' failed to satisfy constraint: Member must have length less than or equal to 5"},
		{input{Name: "a", State: "on"}, one + "Value 'on' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]"},
		{input{Name: "a", Limit: &zero}, one + "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"},
		{input{Name: "a", Limit: &many}, one + "Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100"},
		{input{Name: "a", Items: []inner{}}, one + "Value '[]' at 'items' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{input{Name: "a", Items: []inner{{"a"}, {}}}, one + "Value null at 'items.2.member.id' failed to satisfy constraint: Member must not be null"},
		{input{Name: "a", Items: []inner{{"a"}, {"b"}, {}}}, "2 validation errors detected: Value '[Inner(id=a), Inner(id=b), Inner(id=null)]' at 'items' failed to satisfy constraint: Member must have length less than or equal to 2; " +
			"Value null at 'items.3.member.id' failed to satisfy constraint: Member must not be null"},
		{input{Name: "a", One: &inner{"A"}}, one + "Value 'A' at 'one.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+"},
		{input{Name: "a", Tags: map[string]string{"b": "", "a": "x"}}, one + "Value '{a=x, b=}' at 'tags' failed to satisfy constraint: Member must have length less than or equal to 1"},
		{input{Name: "a", IDs: []string{"a", "UP"}}, one + "Value '[a, UP]' at 'ids' failed to satisfy constraint: Member must satisfy constraint: " +
			"[Member must have length less than or equal to 3, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z]+]"},
		{input{Name: "a", Paths: map[string]string{"long": "longer"}}, "2 validation errors detected: Value '{long=longer}' at 'paths' failed to satisfy constraint: Map keys must satisfy constraint: " +
			"[Member must have length less than or equal to 3, Member must have length greater than or equal to 1]; Value '{long=longer}' at 'paths' failed to satisfy constraint: Map value must satisfy constraint: " +
			"[Member must have length less than or equal to 4, Member must have length greater than or equal to 0]"},
		{input{Name: "a", Key: "secret"}, one + "Value at 'key' failed to satisfy constraint: Member must have length less than or equal to 4"},
		{input{State: "on"}, "2 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value 'on' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]"},
	} {
		err, got := awsjson.Check(&c.in), ""
		if err != nil {
			e := awsjson.AsError(err)
			if got = e.Message; e.Code != "ValidationException" {
				t.Error(e.Code)
			}
		}
		if got != c.want {
			t.Errorf("%+v:\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

// A member that the body gives as "" is present, and an absent one is null.
func TestCheckBody(t *testing.T) {
	const one = "1 validation error detected: "
	for body, want := range map[string]string{
		`{}`:                  one + "Value null at 'name' failed to satisfy constraint: Member must not be null",
		`{"Name":null}`:       one + "Value null at 'name' failed to satisfy constraint: Member must not be null",
		`{"Name":"a","X":""}`: "",
		`{"Name":"a","Items":[{"Id":"b"},{"Id":""}]}`: "2 validation errors detected: Value '' at 'items.2.member.id' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+; " +
			"Value '' at 'items.2.member.id' failed to satisfy constraint: Member must have length greater than or equal to 1",
		`{"Name":"a","State":""}`: one + "Value '' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ON, OFF]",
	} {
		in, got := input{}, ""
		if err := awsjson.Decode([]byte(body), &in); err != nil {
			t.Fatal(err)
		}
		if err := awsjson.CheckBody(&in, []byte(body)); err != nil {
			got = awsjson.AsError(err).Message
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", body, got, want)
		}
	}
}

func TestPage(t *testing.T) {
	all := map[string]int{"b": 1, "a1": 1, "a2": 1, "a3": 1}
	two := 2
	keys, next, err := awsjson.Page(all, "a", "", &two)
	if err != nil || strings.Join(keys, ",") != "a1,a2" || next == "" {
		t.Fatal(keys, next, err)
	}
	delete(all, "a2") // the listing goes on although its last key is gone
	keys, next, err = awsjson.Page(all, "a", next, &two)
	if err != nil || strings.Join(keys, ",") != "a3" || next != "" {
		t.Error(keys, next, err)
	}
	if _, _, err := awsjson.Page(all, "", "!", nil); awsjson.AsError(err).Code != "ValidationException" {
		t.Error(err)
	}
}

func TestTime(t *testing.T) {
	var in input
	if err := awsjson.Decode([]byte(`{"Name":"a","At":1767323045.5}`), &in); err != nil {
		t.Fatal(err)
	}
	if got := in.At.UTC().Format("2006-01-02T15:04:05.000Z"); got != "2026-01-02T03:04:05.500Z" {
		t.Error(got)
	}
}

// A failure of the server is reported without its text.
func TestAsErrorHidesCauses(t *testing.T) {
	e := awsjson.AsError(errSecret{})
	if e.HTTPStatus() != 500 || strings.Contains(e.Message, "secret") {
		t.Errorf("%+v", e)
	}
}

type errSecret struct{}

func (errSecret) Error() string { return "secret" }
