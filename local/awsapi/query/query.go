// Package query implements AWS's query protocol: the operation and its input are a
// form, the response is XML.
package query

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// ContentType is the type of a request's body.
const ContentType = "application/x-www-form-urlencoded"

// Form returns the parameters of a request in the query protocol. ok is false if the
// request is not in that protocol. It reads the body.
func Form(w http.ResponseWriter, r *http.Request) (form url.Values, ok bool, err error) {
	form = r.URL.Query()
	if r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), ContentType) {
		body, err := awsjson.ReadBody(w, r)
		if err != nil {
			return nil, true, err
		}
		if form, err = url.ParseQuery(string(body)); err != nil {
			return nil, true, awsjson.Errorf("MalformedQueryString", "The form in the body is not valid.")
		}
		return form, true, nil
	}
	return form, r.URL.Path == "/" && form.Get("Action") != "", nil
}

// Write writes a response: an XML document. v is an XML element.
func Write(w http.ResponseWriter, status int, requestID string, v any) {
	body, err := xml.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, nil
	}
	h := w.Header()
	h.Set("Content-Type", "text/xml")
	h.Set("X-Amzn-Requestid", requestID)
	w.WriteHeader(status)
	_, _ = w.Write(append([]byte(xml.Header), body...))
}

type errorResponse struct {
	XMLName   xml.Name    `xml:"ErrorResponse"`
	Error     errorDetail `xml:"Error"`
	RequestID string      `xml:"RequestId"`
}

type errorDetail struct {
	Type    string `xml:"Type"`
	Code    string `xml:"Code"`
	Message string `xml:"Message"`
}

// WriteError writes err in the query protocol.
func WriteError(w http.ResponseWriter, err error) {
	e := awsjson.AsError(err)
	kind := "Sender"
	if e.HTTPStatus() >= http.StatusInternalServerError {
		kind = "Receiver"
	}
	id := awsjson.NewID()
	Write(w, e.HTTPStatus(), id, errorResponse{Error: errorDetail{Type: kind, Code: e.Code, Message: e.Message}, RequestID: id})
}

type restError struct {
	XMLName   xml.Name `xml:"Error"`
	Code      string   `xml:"Code"`
	Message   string   `xml:"Message"`
	RequestID string   `xml:"RequestId"`
}

// WriteRESTError writes err in the REST-XML protocol, that of S3.
func WriteRESTError(w http.ResponseWriter, err error) {
	e := awsjson.AsError(err)
	id := awsjson.NewID()
	Write(w, e.HTTPStatus(), id, restError{Code: e.Code, Message: e.Message, RequestID: id})
}
