package rest

import (
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
)

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
	mergeType   = "application/merge-patch+json"
)

// checkContent verifies that the method accepts the body's media type: PATCH
// accepts JSON and JSON merge patch.
func (req *Request) checkContent() error {
	types := []string{jsonType}
	header := map[string]string{"accept": jsonType}
	if req.Method == http.MethodPatch {
		types = append(types, mergeType)
		header = map[string]string{"accept-patch": mergeType + ", " + jsonType}
	}
	unsupported := func(detail string) error {
		return &httpError{status: http.StatusUnsupportedMediaType, kind: "unsupported-media-type", detail: detail, header: header}
	}
	if encoding, ok := req.Header.list("content-encoding"); ok && !strings.EqualFold(encoding, "identity") {
		return unsupported("the body must be sent without a content encoding")
	}
	content, err := req.Header.one("content-type")
	if err != nil {
		return err
	}
	kind, parameters, err := mime.ParseMediaType(content)
	if err != nil || !slices.Contains(types, kind) {
		return unsupported("the body must be of type " + strings.Join(types, " or ") + ", as Content-Type says")
	}
	if charset, ok := parameters["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return unsupported("the body must be in UTF-8")
	}
	return nil
}

// checkAccept verifies that the caller accepts JSON.
func (req *Request) checkAccept() error {
	accept, ok := req.Header.list("accept")
	if !ok || strings.TrimSpace(accept) == "" {
		return nil
	}
	best, weight := -1, 0.0 // the most specific range that includes JSON applies
	for item := range strings.SplitSeq(accept, ",") {
		mediaRange, parameters, _ := strings.Cut(item, ";")
		closeness := slices.Index([]string{"*/*", "application/*", jsonType}, strings.ToLower(strings.TrimSpace(mediaRange)))
		if closeness >= 0 && closeness >= best {
			best, weight = closeness, quality(parameters)
		}
	}
	if best >= 0 && weight > 0 {
		return nil
	}
	return &httpError{status: http.StatusNotAcceptable, kind: "not-acceptable", detail: "responses are of type " + jsonType + ", which Accept does not allow"}
}

// quality returns the weight of a media range; 1 if it has none.
func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil || q < 0 || q > 1 {
				return 0
			}
			return q
		}
	}
	return 1
}

// condition reads If-Match and If-None-Match (RFC 9110, section 13).
func (req *Request) condition() (router.Condition, error) {
	var c router.Condition
	var err error
	if value, ok := req.Header.list("if-match"); ok {
		// A weak tag never matches here: its W/ is kept, which no version has.
		if c.Match, c.MatchAny, err = parseTags("If-Match", value, "W/"); err != nil {
			return c, err
		}
	}
	if value, ok := req.Header.list("if-none-match"); ok {
		c.NoneMatch, c.NoneMatchAny, err = parseTags("If-None-Match", value, "")
	}
	return c, err
}

// parseTags reads a list of entity tags, or *. A weak tag is returned with the
// prefix weak.
func parseTags(header, value, weak string) (tags []store.Version, any bool, err error) {
	malformed := fault.Errorf(fault.Invalid, `%s must be * or a list of entity tags, for example "6b1f"`, header)
	rest := strings.Trim(value, " \t")
	if rest == "*" {
		return nil, true, nil
	}
	for rest != "" {
		prefix := ""
		if after, ok := strings.CutPrefix(rest, "W/"); ok {
			prefix, rest = weak, after
		}
		if rest == "" || rest[0] != '"' {
			return nil, false, malformed
		}
		tag, after, closed := strings.Cut(rest[1:], `"`)
		if !closed || strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return nil, false, malformed
		}
		tags = append(tags, store.Version(prefix+tag))
		rest = strings.TrimLeft(after, " \t")
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return nil, false, malformed
		}
		rest = strings.TrimLeft(rest, ", \t")
	}
	if len(tags) == 0 {
		return nil, false, malformed
	}
	return tags, false, nil
}

// idempotencyKey reads the header Idempotency-Key: a bare word or, as in the draft
// of the header, a string in double quotes. A comma is rejected because two
// headers of one name are joined to one value with a comma.
func (req *Request) idempotencyKey() (string, error) {
	value, err := req.Header.one("idempotency-key")
	if err != nil {
		return "", err
	}
	if _, sent := req.Header["idempotency-key"]; !sent {
		return "", nil
	}
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if value == "" || strings.ContainsAny(value, `",\`) {
		return "", fault.Errorf(fault.Invalid, "Idempotency-Key must be one value of 1 to 128 characters, without quotes, commas and backslashes")
	}
	return value, nil
}

// parameters reads the query, which may have only the given parameters, each
// once.
func (req *Request) parameters(names ...string) (map[string]string, error) {
	out := map[string]string{}
	for name, values := range req.Query {
		if !slices.Contains(names, name) {
			return nil, fault.Errorf(fault.Invalid, "the query has an unknown parameter; valid here are: %s", strings.Join(names, ", "))
		}
		if len(values) != 1 {
			return nil, fault.Errorf(fault.Invalid, "the parameter %s may be given only once", name)
		}
		out[name] = values[0]
	}
	return out, nil
}
