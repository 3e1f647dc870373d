package main

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ServeHTTP responds to the SDK's clients without evaluating conditions: what is measured
// is the caller.
func (e *echo) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	service, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	e.mu.Lock()
	defer e.mu.Unlock()
	if operation == "" {
		operation = "s3." + r.Method
	}
	e.calls[operation]++
	switch {
	case strings.HasPrefix(service, "DynamoDB"):
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, e.dynamodb(operation, body))
	case service == "AWSEvents":
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"11111111-1111-1111-1111-111111111111"}]}`)
	default:
		key := strings.TrimPrefix(r.URL.Path, "/bench/")
		text, ok := e.files[key]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `<Error><Code>NoSuchKey</Code></Error>`)
			return
		}
		w.Header().Set("ETag", `"`+key+`"`)
		_, _ = io.WriteString(w, text)
	}
}

// dynamodb keeps what is put and returns what is requested by key.
func (e *echo) dynamodb(operation string, body []byte) string {
	type item struct {
		PK jsontext.Value `json:"pk"`
		SK jsontext.Value `json:"sk"`
	}
	switch operation {
	case "TransactWriteItems":
		var in struct {
			TransactItems []struct {
				Put struct{ Item jsontext.Value }
			}
		}
		if json.Unmarshal(body, &in) != nil {
			break
		}
		for _, action := range in.TransactItems {
			var key item
			if json.Unmarshal(action.Put.Item, &key) == nil {
				e.items[string(key.PK)+string(key.SK)] = string(action.Put.Item)
			}
		}
	case "GetItem":
		var in struct{ Key item }
		if json.Unmarshal(body, &in) != nil {
			break
		}
		if found, ok := e.items[string(in.Key.PK)+string(in.Key.SK)]; ok {
			return `{"Item":` + found + `}`
		}
	case "Query":
		var in struct {
			Values struct {
				PK jsontext.Value `json:":pk"`
			} `json:"ExpressionAttributeValues"`
		}
		if json.Unmarshal(body, &in) != nil {
			break
		}
		for key, found := range e.items { // in a collection that has records, one is found
			if strings.HasPrefix(key, string(in.Values.PK)) {
				return `{"Items":[` + found + `],"Count":1,"ScannedCount":1}`
			}
		}
	}
	return `{}`
}
