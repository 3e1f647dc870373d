package lambda

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
)

// An httpRequest is a request over HTTP, whichever service carried it.
type httpRequest struct {
	id     string // the service's own id of the request: the caller cannot choose it
	method string
	// path is what the caller asked for, the stage included; below is the part
	// of it behind the stage, from its slash on.
	path, below string
	// decoded says that the service has undone the escapes of the path, so that
	// they must not be undone once more.
	decoded bool
	query   url.Values
	header  httpHeader
	body    []byte
}

// httpPayload has the members of all three shapes (R14): API Gateway REST (v1),
// API Gateway HTTP (v2, and v1 with a version), and a function URL (as v2).
type httpPayload struct {
	Version string `json:"version"`

	HTTPMethod        string              `json:"httpMethod"`
	Path              string              `json:"path"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Query             map[string]string   `json:"queryStringParameters"`
	MultiValueQuery   map[string][]string `json:"multiValueQueryStringParameters"`

	RawPath        string `json:"rawPath"`
	RawQueryString string `json:"rawQueryString"`

	Headers         map[string]string `json:"headers"`
	Body            *string           `json:"body"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`

	RequestContext struct {
		RequestID  string `json:"requestId"`
		Stage      string `json:"stage"`
		Path       string `json:"path"`
		DomainName string `json:"domainName"`
		HTTP       struct {
			Method string `json:"method"`
		} `json:"http"`
	} `json:"requestContext"`
}

// functionURLHost is part of the host of every function URL. The HTTP API,
// whose payload is otherwise the same, undoes the escapes of the path; function
// URLs and the REST API do not.
const functionURLHost = ".lambda-url."

// decodeHTTP reads a payload that [classify] found to be an HTTP request. The
// payload is AWS's making, all but its values.
func decodeHTTP(payload []byte) (httpRequest, error) {
	var p httpPayload
	if err := json.Unmarshal(payload, &p, jsontext.AllowInvalidUTF8(true)); err != nil {
		return httpRequest{}, fault.New(fault.Invalid, "the payload has a requestContext but is no HTTP request")
	}
	req := httpRequest{id: p.RequestContext.RequestID, header: httpHeader{}}
	for name, value := range p.Headers {
		req.header.add(name, value)
	}
	if p.Version == "2.0" {
		req.method, req.path = p.RequestContext.HTTP.Method, p.RawPath
		req.decoded = !strings.Contains(p.RequestContext.DomainName, functionURLHost)
		req.below = belowStage(req.path, p.RequestContext.Stage)
		req.query, _ = url.ParseQuery(p.RawQueryString)
	} else {
		req.method, req.path, req.below = p.HTTPMethod, p.RequestContext.Path, p.Path
		if p.Version == "1.0" {
			req.decoded, req.path = true, p.Path
			req.below = belowStage(p.Path, p.RequestContext.Stage)
		}
		if len(p.MultiValueHeaders) > 0 { // all of the values; Headers has the last of each
			req.header = httpHeader{}
			for name, values := range p.MultiValueHeaders {
				for _, value := range values {
					req.header.add(name, value)
				}
			}
		}
		req.query = url.Values(p.MultiValueQuery)
		if len(req.query) == 0 {
			req.query = url.Values{}
			for name, value := range p.Query {
				req.query.Set(name, value)
			}
		}
	}
	if p.Body == nil {
		return req, nil
	}
	req.body = []byte(*p.Body)
	if p.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(*p.Body)
		if err != nil {
			return req, fault.New(fault.Invalid, "the body is not valid base64, as isBase64Encoded says")
		}
		req.body = body
	}
	return req, nil
}

// belowStage takes the stage off a path. The default stage is not part of it.
func belowStage(path, stage string) string {
	if rest, ok := strings.CutPrefix(path, "/"+stage); ok && stage != "" && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}

// httpHeader holds the fields of a request by their lower-case names.
type httpHeader map[string][]string

func (h httpHeader) add(name, value string) {
	name = strings.ToLower(name)
	h[name] = append(h[name], value)
}

// one is the value of a field that may stand but once. A field that was sent
// several times is refused: services and proxies differ in which one they take.
func (h httpHeader) one(name string) (string, error) {
	switch values := h[name]; len(values) {
	case 0:
		return "", nil
	case 1:
		return strings.Trim(values[0], " \t"), nil
	}
	return "", fault.New(fault.Invalid, "the header %s may be sent only once", name)
}

// list is the value of a field that is a list, wherever it was cut.
func (h httpHeader) list(name string) (string, bool) {
	values, ok := h[name]
	return strings.Join(values, ", "), ok
}
