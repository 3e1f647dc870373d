// Package router leads from the router's output events to the records that they
// tell of, through the router's REST API.
package router

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

// maxRecord bounds what is read of an answer; a record is at most 400 KB.
const maxRecord = 1 << 20

// An API is how a router is reached. It is safe for concurrent use.
type API struct {
	// URL is the router's, without a slash at its end.
	URL string
	// Key is an API key of the event's tenant.
	Key events.Secret
	// Client sends the requests; nil is [http.DefaultClient].
	Client *http.Client
}

// A Record is a record as it is now.
type Record struct {
	Data jsontext.Value
	// ETag is the record's stamp, for If-Match.
	ETag string
}

// Fetch reads the record that an output event tells of, as it is now. The event
// names it in its resources.
func Fetch[P any](ctx context.Context, api *API, e *typed.Event[typed.OutputDetail[P]]) (Record, error) {
	const op = "router.Fetch"
	path, err := recordPath(e.Envelope.Resources, e.Detail.Tenant, e.Detail.RootSchema)
	if err != nil {
		return Record{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, api.URL+path, nil)
	if err != nil {
		return Record{}, fault.Errorf(fault.Invalid, "URL of the router cannot be used")
	}
	request.Header.Set("x-api-key", api.Key.Reveal())
	client := api.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(request)
	if err != nil {
		return Record{}, fault.Wrap(op, fault.Unavailable, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxRecord+1))
	switch {
	case err != nil:
		return Record{}, fault.Wrap(op, fault.Unavailable, err)
	case answer.StatusCode != http.StatusOK:
		return Record{}, failed(op, path, answer.StatusCode)
	case len(body) > maxRecord || !jsontext.Value(body).IsValid():
		return Record{}, fault.Wrap(op, fault.Unavailable, fmt.Errorf("%s is answered with no record", path))
	}
	return Record{Data: body, ETag: answer.Header.Get("ETag")}, nil
}

// recordPath finds the record's name, /{tenant}/{schema}/{key}, at the end of a
// resource.
func recordPath(resources []string, tenant events.TenantID, schema events.SchemaID) (string, error) {
	if _, err := events.ParseTenantID(string(tenant)); err != nil {
		return "", err
	}
	if _, err := events.ParseSchemaID(string(schema)); err != nil {
		return "", err
	}
	prefix := "/" + string(tenant) + "/" + string(schema) + "/"
	for _, r := range resources {
		_, escaped, found := strings.Cut(r, prefix)
		text, err := events.UnescapeKey(escaped)
		if !found || err != nil {
			continue
		}
		if key, err := events.ParseRecordKey(text); err == nil {
			return prefix + key.Escape(), nil
		}
	}
	return "", resource.Unnamed("record")
}

func failed(op, path string, status int) error {
	code := fault.Unavailable
	switch status {
	case http.StatusNotFound:
		return resource.Gone(op, "record "+path)
	case http.StatusUnauthorized:
		code = fault.Unauthenticated
	case http.StatusForbidden:
		code = fault.Denied
	}
	return &fault.Error{Code: code, Op: op, Message: "record " + path + " is answered with status " + strconv.Itoa(status)}
}
