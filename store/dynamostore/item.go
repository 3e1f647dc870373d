package dynamostore

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/format"
)

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func integer(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func boolean(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

func instant(t time.Time) types.AttributeValue { return text(formatTime(t)) }

// The setters omit zero values: they would use space in each item, and an absent
// attribute is read as zero.

func setText[S ~string](it item, name string, s S) {
	if s != "" {
		it[name] = text(string(s))
	}
}

func setInt(it item, name string, n int64) {
	if n != 0 {
		it[name] = integer(n)
	}
}

func setBool(it item, name string, b bool) {
	if b {
		it[name] = boolean(true)
	}
}

func setTime(it item, name string, t time.Time) {
	if !t.IsZero() {
		it[name] = instant(t)
	}
}

// formatAttribute holds the number of an item's format; see package format.
const formatAttribute = "format"

// knownFormat is the condition that an item's format is not newer than :format.
const knownFormat = "(attribute_not_exists(#format) OR #format <= :format)"

// A reader reads the attributes of an item and keeps an error for the first that has
// an unexpected type or value. An absent attribute is read as zero.
type reader struct {
	item item
	err  error
}

func (r *reader) mismatch(name, want string) {
	if r.err == nil {
		r.err = fault.Errorf(fault.Internal, "attribute %q of the item is not %s", name, want)
	}
}

// checkFormat rejects an item whose format is newer than known.
func (r *reader) checkFormat(known int64) error {
	number := r.integer(formatAttribute)
	if r.err != nil {
		return r.err
	}
	return format.Check("item "+kindOf(r.text("pk"))+" of the table", number, known)
}

// kindOf returns the first segment of a pk. The rest may be an idempotency key, which
// must not be in an error text.
func kindOf(pk string) string {
	kind, _, _ := strings.Cut(pk, "/")
	return kind
}

func (r *reader) text(name string) string {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberS:
		return v.Value
	default:
		r.mismatch(name, "a string")
	}
	return ""
}

func (r *reader) integer(name string) int64 {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			r.mismatch(name, "an integer")
		}
		return n
	default:
		r.mismatch(name, "a number")
	}
	return 0
}

func (r *reader) boolean(name string) bool {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberBOOL:
		return v.Value
	default:
		r.mismatch(name, "a boolean")
	}
	return false
}

func (r *reader) instant(name string) time.Time {
	s := r.text(name)
	if s == "" {
		return time.Time{}
	}
	t, err := time.Parse(timeLayout, s)
	if err != nil {
		r.mismatch(name, "a time such as "+timeLayout)
	}
	return t
}

// bytes copies a binary attribute, which must have the length of dst, into dst.
func (r *reader) bytes(name string, dst []byte) {
	switch v := r.item[name].(type) {
	case nil:
	case *types.AttributeValueMemberB:
		if len(v.Value) != len(dst) {
			r.mismatch(name, fmt.Sprintf("%d bytes long", len(dst)))
		}
		copy(dst, v.Value)
	default:
		r.mismatch(name, "binary")
	}
}

// each calls f with a reader for every map in a list.
func (r *reader) each(name string, f func(*reader)) {
	v, ok := r.item[name].(*types.AttributeValueMemberL)
	if !ok {
		if r.item[name] != nil {
			r.mismatch(name, "a list")
		}
		return
	}
	for _, e := range v.Value {
		m, ok := e.(*types.AttributeValueMemberM)
		if !ok {
			r.mismatch(name, "a list of maps")
			return
		}
		inner := reader{item: m.Value}
		f(&inner)
		if inner.err != nil && r.err == nil {
			r.err = inner.err
		}
	}
}

// texts reads a list of strings.
func (r *reader) texts(name string) []string {
	v, ok := r.item[name].(*types.AttributeValueMemberL)
	if !ok {
		if r.item[name] != nil {
			r.mismatch(name, "a list")
		}
		return nil
	}
	list := make([]string, len(v.Value))
	for i, e := range v.Value {
		s, ok := e.(*types.AttributeValueMemberS)
		if !ok {
			r.mismatch(name, "a list of strings")
			return nil
		}
		list[i] = s.Value
	}
	return list
}
