package tenant

import (
	"bytes"
	"encoding/json" // for Number alone: the type by which the validator knows exact numbers
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

const (
	// maxExponent and maxDigits bound one number, before the validator makes a
	// fraction of it: 1e999999999 would fill the memory.
	maxExponent = 4000
	maxDigits   = 4000
	// maxWritten bounds all numbers of a document, written out in digits.
	maxWritten = 2 << 20
)

// decodeExact reads a document into the values that the validator takes. The
// fault is Invalid, or TooLarge for a number that could be held nowhere; it
// names the place, but quotes nothing.
func decodeExact(doc jsontext.Value) (any, error) {
	// Repeated names are refused here, where it costs less than in the decoder.
	d := exactDecoder{dec: jsontext.NewDecoder(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true))}
	v, err := d.value(0)
	if err == nil {
		if _, end := d.dec.ReadToken(); end != io.EOF {
			err = d.refuse("must end where its first value ends")
		}
	}
	return v, err
}

type exactDecoder struct {
	dec     *jsontext.Decoder
	written int // digits so far
}

func (d *exactDecoder) value(depth int) (any, error) {
	tok, err := d.dec.ReadToken()
	if err != nil {
		return nil, d.malformed(err)
	}
	switch tok.Kind() {
	case 't', 'f':
		return tok.Bool(), nil
	case '"':
		return tok.String(), nil
	case '0':
		return d.number(tok.String())
	case '{', '[':
		if depth == events.MaxDepth {
			return nil, d.refuse("must not be nested deeper than %d", events.MaxDepth)
		}
		if tok.Kind() == '[' {
			return d.array(depth + 1)
		}
		return d.object(depth + 1)
	}
	return nil, nil // null
}

func (d *exactDecoder) object(depth int) (any, error) {
	m := map[string]any{}
	for d.dec.PeekKind() != '}' {
		name, err := d.dec.ReadToken()
		if err != nil {
			return nil, d.malformed(err)
		}
		key := name.String() // before the next read, which reuses its bytes
		if _, twice := m[key]; twice {
			return nil, d.malformed(&jsontext.SyntacticError{ByteOffset: d.dec.InputOffset() - int64(len(key)+len(`""`)),
				JSONPointer: d.dec.StackPointer(), Err: jsontext.ErrDuplicateName})
		}
		if m[key], err = d.value(depth); err != nil {
			return nil, err
		}
	}
	_, err := d.dec.ReadToken()
	return m, d.malformed(err)
}

func (d *exactDecoder) array(depth int) (any, error) {
	list := []any{}
	for d.dec.PeekKind() != ']' {
		v, err := d.value(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := d.dec.ReadToken()
	return list, d.malformed(err)
}

func (d *exactDecoder) number(s string) (any, error) {
	digits, exponent := len(s), 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		var err error
		exponent, err = strconv.Atoi(s[i+1:])
		if err != nil || exponent < -maxExponent || exponent > maxExponent {
			return nil, d.tooLarge("must have an exponent within ±%d", maxExponent)
		}
		digits = i
	}
	if digits > maxDigits {
		return nil, d.tooLarge("must have at most %d digits", maxDigits)
	}
	d.written += digits + max(exponent, -exponent)
	if d.written > maxWritten {
		return nil, d.tooLarge("is one number too many: written out, all of them have over %d digits", maxWritten)
	}
	return json.Number(s), nil
}

func (d *exactDecoder) refuse(format string, args ...any) error {
	return d.fault(fault.Invalid, format, args...)
}

// tooLarge refuses a number that no backend keeps, whatever its schema says.
func (d *exactDecoder) tooLarge(format string, args ...any) error {
	return d.fault(fault.TooLarge, format, args...)
}

func (d *exactDecoder) fault(code fault.Code, format string, args ...any) error {
	e := fault.Errorf(code, format, args...)
	pointer := string(d.dec.StackPointer())
	e.Violations = []fault.Violation{{Pointer: clip(pointer), Message: e.Message}}
	e.Message = "document: " + strconv.Quote(clip(pointer)) + " " + e.Message
	return e
}

// malformed keeps the decoder's error as the cause: a schema's author may read
// it, a caller may not, since it can quote.
func (d *exactDecoder) malformed(err error) error {
	if err == nil {
		return nil
	}
	e := &fault.Error{Code: fault.Invalid, Message: "document is not valid JSON", Err: err}
	if err == io.EOF {
		e.Message = "document is empty"
	}
	e.Violations = []fault.Violation{{Message: e.Message}}
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			e.Message = "document repeats a name"
		}
		e.Violations = []fault.Violation{{Pointer: clip(string(syntax.JSONPointer)), Message: e.Message}}
	}
	return e
}

// clip keeps a pointer short: the names in it are the sender's.
func clip(pointer string) string {
	const most = 200
	if len(pointer) > most {
		return strings.ToValidUTF8(pointer[:most], "") + "…"
	}
	return pointer
}
