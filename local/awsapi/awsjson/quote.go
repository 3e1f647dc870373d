package awsjson

import "github.com/go-json-experiment/json/jsontext"

// Quote returns a string as JSON.
func Quote(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}
