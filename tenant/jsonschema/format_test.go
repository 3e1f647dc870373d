package jsonschema

import (
	"strings"
	"testing"
)

// TestFormats covers what the official suite leaves out.
func TestFormats(t *testing.T) {
	for name, c := range map[string]struct{ valid, invalid []string }{
		"email": {
			[]string{"a@b", "a+b=c@example.com", `"a\"b"@example.com`, `""@a`, "a@[IPv6:2001:db8::1]", "a@[ipv6:::1]"},
			[]string{"@example.com", "a@", "a", "a@b@c", `"a"b@c`, `"a@c`, `"a\"@c`, "é@c.d", "a b@c", "a@[1.2.3]", "a@[::1]", "a@[IPv6:1.2.3.4]", "a@b_c", "a@b.", strings.Repeat("a", 65) + "@b"},
		},
		"hostname": {[]string{"a", "1.2", "xn--a"}, []string{"", ".", "a.", ".a", "a..b", "a_b", "é", "-a.b", "a.b-", "a b", strings.Repeat("a.", 127)}},
		"ipv4":     {[]string{"0.0.0.0", "255.255.255.255"}, []string{"", "+1.2.3.4", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", "1.2.3.", "1..2.3", "0x1.2.3.4", "1.2.3.1000"}},
		"ipv6":     {[]string{"::", "1::", "::ffff:1.2.3.4"}, []string{"", "1.2.3.4", "::1%eth0", "[::1]", ":::", "1:2:3:4:5:6:7:8:9"}},
		"duration": {[]string{"P1Y", "P1Y2M3DT4H5M6S", "PT1H2M", "PT5S", "P3W", "P2M1D"}, []string{"", "P", "PT", "P1Y2D", "PT1H2S", "P1W1D", "P1", "P1.5D", "-P1D", "P1YT", "P1S", "P1M1Y", "P1YT1", "PD", "P1Y1Y", "p1y", "P1Y1W", "PT1W"}},
		"period":   {[]string{"2026-01-01T00:00:00Z/P1D", "P1D/2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z/2026-01-02T00:00:00Z"}, []string{"P1D/P1D", "P1D", "2026-01-01/P1D", ""}},
		"date":     {[]string{"2024-02-29", "2000-02-29", "0000-01-01"}, []string{"2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-01-00", "2026-04-31", "26-01-01", "2026-1-01", "2026-01-01Z", "+026-01-01"}},
		"time":     {[]string{"23:59:60Z", "00:59:60+01:00", "12:00:00.5z"}, []string{"12:00:60Z", "12:00:00", "12:00:00.Z", "24:00:00Z", "12:60:00Z", "12:00:00+24:00", "12:00:00+1:00", "12:00:00 Z"}},
		"date-time": {
			[]string{"2026-01-01T00:00:00Z", "2026-01-01t00:00:00.123456789+05:30"},
			[]string{"2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "2026-01-01"},
		},
		"uri": {
			[]string{"a:", "a:b", "http://a", "http://a:/", "http://[::1]:80/a", "http://[v1.a:b]/", "urn:a:b?c#d", "http://%41@b/%2f", "file:///a", "a+b-c.d:e", "a://"},
			[]string{"", "<>", "a:<>", "http://a b", "a", "//a", "1a:b", "http://a/%zz", "http://a/%2", "http://[::1", "http://[1.2.3.4]/", "http://a:b/", "a:[", "http://é", "a:b#c#d", "a:\\b", "a:b|c", `a:"b"`, "a:^", "a:`", "a:{b}", "http://[v.a]/", "http://[::1]a"},
		},
		"uri-reference":         {[]string{"", "a", "//a/b", "?a", "#a", "a/b:c", "./a:b", "../a"}, []string{"<>", "1a:b", "a b", "%", "é", `\a`, "#a#b"}},
		"iri":                   {[]string{"http://é/ü?\ue000#ö", "a:日本語"}, []string{"é", "a:\ufffe", "a:\u0080", "a:\ue000", "a: "}},
		"iri-reference":         {[]string{"é", "/é?ü#ö"}, []string{"<é>", `\é`}},
		"uri-template":          {[]string{"", "é", "{a}", "{+a,b*}", "{?a:3,b.c}", "a{/b}%20", "{%41}"}, []string{"{", "}", "{}", "{a", "{a:0}", "{a:10000}", "{a:1*}", "{a b}", "{a,}", "<a>", "%", "{.}", "{a{b}}", " "}},
		"uuid":                  {[]string{"550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000"}, []string{"", "550e8400e29b41d4a716446655440000", "550e8400-e29b-41d4-a716-44665544000g", "{50e8400-e29b-41d4-a716-446655440000}"}},
		"json-pointer":          {[]string{"", "/", "/a~0~1/", "/é"}, []string{"a", "/~", "/~2", "#/a"}},
		"relative-json-pointer": {[]string{"0", "1/a", "10#", "0+1", "1-2/a"}, []string{"", "01", "-1", "/a", "0a", "1##", "0+0", "0+"}},
		"regex":                 {[]string{"", "a(?=b)", `(a)\1`}, []string{"(", `\a`, "[b-a]"}},
		"semver":                {[]string{"1.2.3", "0.0.0-a.1+b.01"}, []string{"1.2", "01.2.3", "1.2.3-", "1.2.3+", "1.2.3-01", "v1.2.3", "1.2.3-a..b", "1.2.3+é"}},
	} {
		check := format(name)
		for _, s := range c.valid {
			if !check(s) {
				t.Errorf("%q is no valid %s", s, name)
			}
		}
		for _, s := range c.invalid {
			if check(s) {
				t.Errorf("%q is a valid %s", s, name)
			}
		}
	}
	for _, name := range []string{"idn-email", "idn-hostname", "unknown", ""} {
		if format(name) != nil {
			t.Errorf("format %q is asserted", name)
		}
	}
}

// TestFormatExamples checks that each asserted format has an example, which is valid.
func TestFormatExamples(t *testing.T) {
	for _, name := range formatNames {
		check := format(name)
		if check == nil {
			continue
		}
		if example := formatExamples[name]; example == "" || !check(example) {
			t.Errorf("the example of %s, %q, is not valid", name, example)
		}
	}
	if got, want := formatMessage("date"), "must be a valid date, for example 2026-11-21"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
