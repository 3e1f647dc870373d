package events_test

import (
	"encoding/json"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

func TestARN(t *testing.T) {
	for text, want := range map[events.ARN][5]string{
		"arn:aws:ec2:us-east-1:111122223333:instance/i-0abcd1234":    {"aws", "ec2", "us-east-1", "111122223333", "instance/i-0abcd1234"},
		"arn:aws-cn:s3:::bucket":                                     {"aws-cn", "s3", "", "", "bucket"},
		"arn:aws:states:eu-west-1:111122223333:execution:machine:id": {"aws", "states", "eu-west-1", "111122223333", "execution:machine:id"},
		"": {}, "i-0abcd1234": {}, "arn:aws:ec2": {}, "<arn>": {}, "urn:a:b:c:d:e": {},
	} {
		if got := [5]string{text.Partition(), text.Service(), text.Region(), text.Account(), text.Resource()}; got != want || text.Valid() != (want[0] != "") {
			t.Errorf("%q has the parts %q, want %q", text, got, want)
		}
	}
}

func TestStringOrNumber(t *testing.T) {
	for text, want := range map[string]struct {
		text   string
		number bool
		fits   bool
	}{`7`: {"7", true, true}, `"7"`: {"7", false, true}, `1e400`: {"1e400", true, true}, `"x"`: {"x", false, false}, `""`: {"", false, false}, `"1 2"`: {"1 2", false, false}} {
		var v events.StringOrNumber
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		n, err := v.Number()
		if v.String() != want.text || v.IsNumber() != want.number || (err == nil) != want.fits || err == nil && n.String() != want.text {
			t.Errorf("%s is %q, number %v; as a number %q, %v", text, v, v.IsNumber(), n, err)
		}
		if out, err := json.Marshal(v); err != nil || string(out) != text {
			t.Errorf("%s is written as %s, %v", text, out, err)
		}
	}
	for _, bad := range []string{`true`, `[]`, `{}`} {
		v := events.StringOf("before")
		if err := json.Unmarshal([]byte(bad), &v); !fault.Is(err, fault.Invalid) && err == nil {
			t.Errorf("%s is read as %q", bad, v)
		}
	}
	if v := events.NumberOf("1.50"); v.String() != "1.50" || !v.IsNumber() {
		t.Errorf("NumberOf gives %v", v)
	}
}

// TestNumbersWithEncodingJSON: the digits are kept, and null is the zero value.
func TestNumbersWithEncodingJSON(t *testing.T) {
	var in struct {
		A events.Number
		B events.Number
		C events.Nullable[events.Number]
	}
	const text = `{"A":12345678901234567890,"B":0,"C":null}`
	if err := json.Unmarshal([]byte(`{"A":12345678901234567890,"B":null,"C":null}`), &in); err != nil {
		t.Fatal(err)
	}
	if out, err := json.Marshal(in); err != nil || string(out) != text {
		t.Errorf("written as %s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":"1"}`), &in); err == nil {
		t.Error("a string is read as a number")
	}
}
