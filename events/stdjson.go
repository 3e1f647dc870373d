package events

import (
	"github.com/go-json-experiment/json"
)

// marshalTo and unmarshalFrom implement the methods of encoding/json with those of
// the codec.

func marshalTo(v json.MarshalerTo) ([]byte, error) { return json.Marshal(v) }

func unmarshalFrom(b []byte, v json.UnmarshalerFrom) error { return json.Unmarshal(b, v) }
