package redact

import (
	"bytes"
	"io"

	"github.com/go-json-experiment/json/jsontext"
)

const hidden = `"****"`

// Event returns an event on one line with the value of each member called api_key
// masked, and all other text that has the form of a key. For a payload that is
// not JSON it returns a placeholder, because a key could be anywhere in it.
func Event(payload []byte) []byte {
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
	return []byte(APIKeys(string(bytes.TrimRight(out.Bytes(), "\n"))))
}

// namePosition reports whether the last token was a member's name: an odd number
// of tokens of the object has then been read.
func namePosition(dec *jsontext.Decoder) bool {
	kind, n := dec.StackIndex(dec.StackDepth())
	return kind == '{' && n%2 == 1
}
