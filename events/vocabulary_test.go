package events_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

func TestIDs(t *testing.T) {
	for _, good := range []string{"a", "0", "acme", "A-b_C9", strings.Repeat("x", 64)} {
		if id, err := events.ParseTenantID(good); err != nil || string(id) != good {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-a", "_a", ".", "..", "a.b", "a/b", `a\b`, "a b", "a\x00", "a\n", "é", "ａ", strings.Repeat("x", 65), "a:b", "a%2e"} {
		if _, err := events.ParseSchemaID(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		value   string
		integer bool
		ok      bool
	}{
		{`"a"`, false, true}, {`"a/b c"`, false, true}, {`"é"`, false, true}, {`"` + strings.Repeat("k", 256) + `"`, false, true},
		{`""`, false, false}, {`"a\u0000"`, false, false}, {`"a\u007f"`, false, false}, {`"` + strings.Repeat("é", 129) + `"`, false, false}, {`7`, false, false}, {`null`, false, false}, {`{}`, false, false},
		{`0`, true, true}, {`42`, true, true}, {`-7`, true, true}, {strings.Repeat("9", 38), true, true},
		{`-0`, true, false}, {`1.0`, true, false}, {`1e3`, true, false}, {`"42"`, true, false}, {strings.Repeat("9", 39), true, false},
	} {
		key, err := events.KeyOf(jsontext.Value(c.value), c.integer)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.value, err)
		}
		if err == nil && string(key.Value(c.integer)) != c.value {
			t.Errorf("%s comes back as %s", c.value, key.Value(c.integer))
		}
	}
}

func FuzzKeyEscape(f *testing.F) {
	f.Add("a/b")
	f.Add("%2e%2e")
	f.Fuzz(func(t *testing.T, s string) {
		escaped := events.RecordKey(s).Escape()
		if strings.ContainsFunc(escaped, func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-%", r)
		}) {
			t.Fatalf("%q escapes to %q", s, escaped)
		}
		if back, err := events.UnescapeKey(escaped); err != nil || back != s {
			t.Fatalf("%q comes back as %q, %v", s, back, err)
		}
	})
}

func TestBusARN(t *testing.T) {
	const good = "arn:aws:events:eu-west-1:111122223333:event-bus/orders_eu.1-A"
	arn, err := events.ParseBusARN(good)
	if err != nil {
		t.Fatal(err)
	}
	if arn.Region() != "eu-west-1" || arn.Account() != "111122223333" || arn.Name() != "orders_eu.1-A" {
		t.Errorf("%q %q %q", arn.Region(), arn.Account(), arn.Name())
	}
	for _, also := range []string{
		"arn:aws:events:us-east-1:111122223333:event-bus/aws.partner/example.com/a-1/b",
		"arn:aws:events:us-east-1:111122223333:event-bus/" + strings.Repeat("x", 256),
		"arn:aws-cn:events:cn-north-1:111122223333:event-bus/x", "arn:aws-us-gov:events:us-gov-west-1:111122223333:event-bus/x",
	} {
		if _, err := events.ParseBusARN(also); err != nil {
			t.Error(err)
		}
	}
	for bad, reason := range map[string]string{
		"": "want arn:", "default": "want arn:",
		"arn:aws:events:us-east-1:111122223333:event-bus":                             "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/":                            "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/a b":                         "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/foo/bar":                     "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/foo/bar/baz":                 "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus//":                           "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/aws.partner/x":               "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/aws.partner/x/":              "bus name",
		"arn:aws:events:us-east-1:111122223333:event-bus/" + strings.Repeat("x", 257): "bus name",
		"arn:aws:events:us-east-1:111122223333:event-busv2/x":                         "event-busv2",
		"arn:aws:events:us-east-1:111122223333:rule/default/r":                        "rule",
		"arn:aws:sqs:us-east-1:111122223333:event-bus/x":                              "service",
		"arn:aws:events:useast1:111122223333:event-bus/x":                             "region",
		"arn:aws:events:us-east-1:1111:event-bus/x":                                   "account",
		"arn:evil:events:us-east-1:111122223333:event-bus/x":                          "partition",
		"arn:aws:events:us-east-1:111122223333:event-bus/x\n{}y":                      "bus name",
	} {
		if _, err := events.ParseBusARN(bad); err == nil || !strings.Contains(fault.MessageOf(err), reason) {
			t.Errorf("%q: %v, want a word about %q", bad, err, reason)
		}
	}
}

func TestEnvelopeSurvives(t *testing.T) {
	const event = `{"version":"0","id":"e1","detail-type":"x","source":"s","account":"1","time":"yyyy-mm-ddThh:mm:ssZ","region":"r",` +
		`"resources":["a"],"detail":{"n":1.10},"replay-name":"again","extra":{"k":[]}}`
	e, err := events.DecodeEnvelope([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if out, err := e.Encode(); err != nil || string(out) != event {
		t.Errorf("comes back as %s, %v", out, err)
	}
	if _, err := e.Time.Time(); !fault.Is(err, fault.Invalid) {
		t.Errorf("a placeholder is a time: %v", err)
	}
}
