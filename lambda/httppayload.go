package lambda

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/rest"
)

// An httpPayload has the members of all three shapes (R14): API Gateway REST (v1),
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
// whose payload is otherwise the same, unescapes the path; function URLs and the
// REST API do not.
const functionURLHost = ".lambda-url."

// decodeHTTP reads a payload that [classify] found to be an HTTP request. AWS
// creates the payload; only its values come from the caller.
func decodeHTTP(payload []byte) rest.Request {
	var p httpPayload
	if err := json.Unmarshal(payload, &p, jsontext.AllowInvalidUTF8(true)); err != nil {
		return rest.Request{Err: fault.Errorf(fault.Invalid, "the payload has a requestContext but is not an HTTP request")}
	}
	req := rest.Request{ID: p.RequestContext.RequestID, Header: rest.Header{}}
	for name, value := range p.Headers {
		req.Header.Add(name, value)
	}
	if p.Version == "2.0" {
		req.Method, req.Path = p.RequestContext.HTTP.Method, p.RawPath
		req.Decoded = !strings.Contains(p.RequestContext.DomainName, functionURLHost)
		req.Below = belowStage(req.Path, p.RequestContext.Stage)
		req.Query, _ = url.ParseQuery(p.RawQueryString)
	} else {
		req.Method, req.Path, req.Below = p.HTTPMethod, p.RequestContext.Path, p.Path
		if p.Version == "1.0" {
			req.Decoded, req.Path = true, p.Path
			req.Below = belowStage(p.Path, p.RequestContext.Stage)
		}
		if len(p.MultiValueHeaders) > 0 { // all values; Headers has only the last of each field
			req.Header = rest.Header{}
			for name, values := range p.MultiValueHeaders {
				for _, value := range values {
					req.Header.Add(name, value)
				}
			}
		}
		req.Query = url.Values(p.MultiValueQuery)
		if len(req.Query) == 0 {
			req.Query = url.Values{}
			for name, value := range p.Query {
				req.Query.Set(name, value)
			}
		}
	}
	if p.Body == nil {
		return req
	}
	req.Body = []byte(*p.Body)
	if p.IsBase64Encoded {
		body, err := base64.StdEncoding.DecodeString(*p.Body)
		if err != nil {
			req.Err = fault.Errorf(fault.Invalid, "isBase64Encoded is true, but the body is not valid base64")
			return req
		}
		req.Body = body
	}
	return req
}

// belowStage returns a path without its stage. The path does not include the
// default stage.
func belowStage(path, stage string) string {
	if rest, ok := strings.CutPrefix(path, "/"+stage); ok && stage != "" && strings.HasPrefix(rest, "/") {
		return rest
	}
	return path
}
