package events

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Nullable is a member that is absent, null, or has a value. The zero Nullable is
// absent. Its field needs the tag omitzero.
type Nullable[T any] struct {
	value T
	state nullState
}

type nullState uint8

const (
	isAbsent nullState = iota
	isNull
	isValue
)

// Value returns a member with a value.
func Value[T any](v T) Nullable[T] { return Nullable[T]{value: v, state: isValue} }

// Null returns a member that is null.
func Null[T any]() Nullable[T] { return Nullable[T]{state: isNull} }

// Get returns the value and whether there is one.
func (n Nullable[T]) Get() (T, bool) { return n.value, n.state == isValue }

// Or returns the value, or otherwise if there is none.
func (n Nullable[T]) Or(otherwise T) T {
	if n.state == isValue {
		return n.value
	}
	return otherwise
}

// IsNull reports whether the member is null.
func (n Nullable[T]) IsNull() bool { return n.state == isNull }

// IsZero reports whether the member is absent.
func (n Nullable[T]) IsZero() bool { return n.state == isAbsent }

// MarshalJSONTo writes the value, or null.
func (n Nullable[T]) MarshalJSONTo(enc *jsontext.Encoder) error {
	if n.state != isValue {
		return enc.WriteToken(jsontext.Null)
	}
	return json.MarshalEncode(enc, n.value)
}

// UnmarshalJSONFrom reads a value or null.
func (n *Nullable[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	*n = Nullable[T]{}
	if dec.PeekKind() == 'n' {
		n.state = isNull
		_, err := dec.ReadToken()
		return err
	}
	n.state = isValue
	return json.UnmarshalDecode(dec, &n.value)
}

// MarshalJSON is for encoding/json.
func (n Nullable[T]) MarshalJSON() ([]byte, error) { return marshalTo(n) }

// UnmarshalJSON is for encoding/json.
func (n *Nullable[T]) UnmarshalJSON(b []byte) error { return unmarshalFrom(b, n) }
