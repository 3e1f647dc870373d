// Package eventlog is the test function: it writes every event that reaches it to
// its log and does nothing else, so that a person can see what the router
// publishes. Should the event hold an api_key, at any depth, it is masked.
//
// It is safe for concurrent use where its log is.
package eventlog

import (
	"bytes"
	"context"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/redact"
)

// Handler is the function, with its log.
type Handler struct{ Log io.Writer }

// Invoke implements the Handler interface of aws-lambda-go.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return Serve(ctx, payload, h.Log)
}

// Serve writes the event to log, as one line in one write.
func Serve(_ context.Context, payload []byte, log io.Writer) ([]byte, error) {
	_, err := log.Write(append(Mask(payload), '\n'))
	return nil, err
}

const hidden = `"****"`

// Mask rewrites the event on one line with the value of each member called
// api_key hidden, and whatever else looks like a key. What is not JSON is not shown: a key could be anywhere in it.
func Mask(payload []byte) []byte {
	var out bytes.Buffer
	dec := jsontext.NewDecoder(bytes.NewReader(payload), jsontext.AllowDuplicateNames(true))
	enc := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))
	for {
		tok, err := dec.ReadToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return []byte(`{"level":"WARN","msg":"the payload is not JSON and is not shown"}`)
		}
		isName := tok.Kind() == '"' && namePosition(dec)
		hide := isName && tok.String() == "api_key"
		if err := enc.WriteToken(tok); err != nil {
			return []byte(`{"level":"WARN","msg":"the payload cannot be shown"}`)
		}
		if hide {
			if err := dec.SkipValue(); err != nil {
				return []byte(`{"level":"WARN","msg":"the payload is not JSON and is not shown"}`)
			}
			if err := enc.WriteValue(jsontext.Value(hidden)); err != nil {
				return []byte(`{"level":"WARN","msg":"the payload cannot be shown"}`)
			}
		}
	}
	return []byte(redact.APIKeys(string(bytes.TrimRight(out.Bytes(), "\n"))))
}

// namePosition reports whether the token just read was a member's name: within
// an object an odd number of tokens has then been read.
func namePosition(dec *jsontext.Decoder) bool {
	kind, n := dec.StackIndex(dec.StackDepth())
	return kind == '{' && n%2 == 1
}
