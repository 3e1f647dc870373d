package awsjson

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"
)

// Page picks the keys of a listing: those with the prefix, after the token, as
// many as limit says, 100 where it is nil. next is the token of the page after,
// "" on the last one.
func Page[V any](all map[string]V, prefix, token string, limit *int) (keys []string, next string, err error) {
	after, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, "", Errorf("ValidationException", "The NextToken is not valid.")
	}
	most := 100
	if limit != nil {
		most = *limit
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(key, prefix) || token != "" && key <= string(after) {
			continue
		}
		if len(keys) >= most {
			return keys, base64.RawURLEncoding.EncodeToString([]byte(keys[most-1])), nil
		}
		keys = append(keys, key)
	}
	return keys, "", nil
}
