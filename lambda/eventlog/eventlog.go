// Package eventlog is the test function: it writes every event that it receives
// to its log and does nothing else, to show what the router publishes. The value
// of each api_key in an event, at any depth, is masked.
//
// A [Handler] is safe for concurrent use if its log is.
package eventlog

import (
	"bytes"
	"context"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/internal/redact"
)

// Handler is the test function. It writes events to Log.
type Handler struct{ Log io.Writer }

// Invoke implements the Handler interface of aws-lambda-go.
func (h Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return Serve(ctx, payload, h.Log)
}

// Serve writes an event to log, as one line in one write.
func Serve(_ context.Context, payload []byte, log io.Writer) ([]byte, error) {
	_, err := log.Write(append(Mask(payload), '\n'))
	return nil, err
}

const hidden = `"****"`

// Mask returns an event on one line with the value of each member called api_key
// masked, and all other text that has the form of a key. For a payload that is
// not JSON it returns a placeholder, because a key could be anywhere in it.
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

// namePosition reports whether the last token was a member's name: an odd number
// of tokens of the object has then been read.
func namePosition(dec *jsontext.Decoder) bool {
	kind, n := dec.StackIndex(dec.StackDepth())
	return kind == '{' && n%2 == 1
}
