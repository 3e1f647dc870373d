package s3object

import (
	"bytes"
	"errors"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
)

// withPosition adds line and column to a fault about an object that is not valid JSON,
// so that the position can be found in an editor.
func withPosition(o blob.Object, err error) error {
	dec := jsontext.NewDecoder(bytes.NewReader(o.Data))
	var syntax *jsontext.SyntacticError
	for {
		_, readErr := dec.ReadToken()
		if readErr == nil {
			continue
		}
		if readErr == io.EOF || !errors.As(readErr, &syntax) {
			return err // it is valid JSON, but not a record
		}
		break
	}
	before := o.Data[:min(max(syntax.ByteOffset, 0), int64(len(o.Data)))]
	line := 1 + bytes.Count(before, []byte{'\n'})
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fault.Errorf(fault.Invalid, "%s: line %d, column %d: %s", o.Key, line, column, fault.MessageOf(err))
}
