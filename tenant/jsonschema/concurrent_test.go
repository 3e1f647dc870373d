package jsonschema

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// A schema is used by many goroutines at once, and what one check has kept is
// gone before the next.
func TestConcurrentChecks(t *testing.T) {
	recursive := mustCompile(t, `{"$ref":"#/$defs/n","$defs":{"n":{"anyOf":[{"type":"integer"},{"items":{"$ref":"#/$defs/n"},"type":"array","uniqueItems":true}]}}}`)
	closed := mustCompile(t, `{"$id":"http://example.com/a","$ref":"tree","unevaluatedProperties":false,"$dynamicAnchor":"node","properties":{"x":true},
		"$defs":{"tree":{"$id":"tree","$dynamicAnchor":"node","properties":{"below":{"$dynamicRef":"#node"}}}}}`)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 300 {
				for _, c := range []struct {
					schema *Schema
					doc    string
					want   string // pointer of the only violation
				}{
					{recursive, fmt.Sprintf(`[%d,[%d,[1,2,3]]]`, i, j), ""},
					{recursive, fmt.Sprintf(`[%d,[%d,[1,2,2]]]`, i, j), "/1/1"},
					{closed, `{"x":1,"below":{"x":2,"below":{}}}`, ""},
					{closed, fmt.Sprintf(`{"x":1,"below":{"below":{"y%d":1}}}`, j), fmt.Sprintf("/below/below/y%d", j)},
				} {
					err := c.schema.Validate(context.Background(), []byte(c.doc))
					invalid, ok := errors.AsType[*ValidationError](err)
					if (c.want == "") != (err == nil) || ok && !hasPointer(invalid, c.want) {
						t.Errorf("%s: %v", c.doc, err)
					}
				}
			}
		})
	}
	wg.Wait()
}

func hasPointer(e *ValidationError, pointer string) bool {
	for _, v := range e.Violations {
		if v.Pointer == pointer {
			return true
		}
	}
	return false
}
