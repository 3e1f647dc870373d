package logs

import (
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

func TestFilter(t *testing.T) {
	const event = `{"eventId": "7f-1", "status": 404, "ok": false, "none": null, "user": {"name": "ann b", "tags": ["x", "y"]}, "a b": 1, "list": [{"n": 1}, {"n": 2}]}`
	for _, c := range []struct {
		pattern string
		want    bool
	}{
		{``, true}, {`eventId 404`, true}, {`eventId -404`, false}, {`?absent ?ann`, true}, {`"ann b"`, true}, {`%7f-\d%`, true}, {`%9f%`, false},
		{`{ $.eventId = "7f-1" }`, true}, {`{$.eventId="7f-1"}`, true}, {`{ $.eventId = "7f-2" }`, false}, {`{ $.eventId != "7f-2" }`, true},
		{`{ $.eventId = 7f-1 }`, true}, {`{ $.eventId = 7f* }`, true}, {`{ $.eventId = "*-1" }`, true}, {`{ $.eventId = "*f-*" }`, true}, {`{ $.eventId = "f*" }`, false},
		{`{ $.status = 404 }`, true}, {`{ $.status > 400 }`, true}, {`{ $.status >= 404.0 }`, true}, {`{ $.status < 404 }`, false}, {`{ $.status = 4* }`, true}, {`{ $.status != 404 }`, false},
		{`{ $.user.name = "ann b" }`, true}, {`{ $.user.tags[1] = "y" }`, true}, {`{ $.user.tags[2] = "y" }`, false}, {`{ $.user.tags[*] = "y" }`, true}, {`{ $["a b"] = 1 }`, true},
		{`{ $.list[*].n = 2 }`, true}, {`{ $.list[*].n = 3 }`, false},
		{`{ $.ok IS FALSE }`, true}, {`{ $.ok is true }`, false}, {`{ $.none IS NULL }`, true}, {`{ $.absent IS NULL }`, false}, {`{ $.absent NOT EXISTS }`, true},
		{`{ $.none NOT EXISTS }`, false}, {`{ $.none EXISTS }`, true}, {`{ $.absent = 1 }`, false},
		{`{ $.eventId = %^7f-[0-9]$% }`, true}, {`{ $.status = %^5% }`, false},
		{`{ $.status = 500 || $.ok IS FALSE }`, true}, {`{ $.status = 404 && $.ok IS TRUE }`, false},
		{`{ ($.status = 500 || $.status = 404) && ($.ok IS FALSE) }`, true}, {`{ $.status = 404 || $.absent = 1 && $.absent = 2 }`, true},
	} {
		f, err := parseFilter(c.pattern)
		if err != nil {
			t.Errorf("%s: %v", c.pattern, err)
			continue
		}
		if got := f(event); got != c.want {
			t.Errorf("%s: %v", c.pattern, got)
		}
		if strings.HasPrefix(c.pattern, "{") && f("no JSON") {
			t.Errorf("%s matches a line that is not JSON", c.pattern)
		}
	}
}

func TestInvalidFilters(t *testing.T) {
	for _, pattern := range []string{`[a, b]`, `"open`, `{ $.a = 1`, `{ }`, `{ a = 1 }`, `{ $.a }`, `{ $.a = }`, `{ $.a = "x }`, `{ $.a ~ 1 }`, `{ $.a > "x" }`, `{ $.a = 1 ) }`,
		`{ ($.a = 1 }`, `{ $.a = 1 && }`, `{ $. = 1 }`, `{ $.a[ = 1 }`, `{ $.a[-1] = 1 }`, `{ $.a[x] = 1 }`, `{ $.a IS 1 }`, `{ $.a NOT NULL }`, `{ $.a = %(% }`, `{ $.a = %x }`,
		`%(%`, `{ ` + strings.Repeat("(", 1000) + ` }`} {
		if _, err := parseFilter(pattern); awsjson.AsError(err).Code != "InvalidParameterException" || !strings.HasPrefix(awsjson.AsError(err).Message, "Invalid filter pattern: ") {
			t.Errorf("%.40s: %v", pattern, err)
		}
	}
}
