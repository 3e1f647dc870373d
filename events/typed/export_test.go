package typed

import "github.com/go-json-experiment/json"

// UnmarshalExactly is UnmarshalStruct without its fast path.
func UnmarshalExactly(data []byte, v any) error { return json.Unmarshal(data, &structReader{v}) }
