package store

import (
	"github.com/go-json-experiment/json/jsontext"
)

// MaxItem is the largest record or idempotency record, in bytes as DynamoDB counts them, on
// every backend: a tenant can move from one to another.
const MaxItem = 400 << 10

// DynamoDB counts the UTF-8 bytes of attribute names and strings, a number as a
// byte for two digits and one more, 3 bytes for a list or map and 1 for each
// thing in it. The sizes below are upper bounds of that, whatever the layout:
// strings that also make up keys and indexes are counted twice, and attribute
// names and values of fixed size (versions, times, revisions, flags) are covered
// by these allowances.
const (
	headAllowance  = 512
	markAllowance  = 1024
	entryAllowance = 192 // with a state, an error code of 64 bytes and a time
)

// Size is an upper bound of the record's item as DynamoDB stores it, in bytes:
// 512 + 2*(tenant + schema + key) + key field + version + backend + the key that
// it was moved from + data, where
// data counts as JSON text or as a tree of attribute values, whichever is more.
func (h *Record) Size() int {
	return headAllowance + 2*h.Ref.size() + len(h.KeyField) + len(h.Version) + len(h.Backend) + len(h.MovedFrom.Key) +
		max(len(h.Data), treeSize(h.Data))
}

// Size is an upper bound of the idempotency record's item as DynamoDB stores it, in bytes:
// 1024 + 2*(idempotency key + record) + message and violations + outputs. The
// payload counts once, as JSON text, however many entries show it; so does the
// record; each entry counts 192 + bus + source + detail-type.
func (m *IdempotencyRecord) Size() int {
	o := &m.Outputs
	n := markAllowance +
		2*(len(m.Key.Tenant)+len(m.Key.Origin)+len(m.Key.Value)+m.Result.Ref.size()) +
		len(m.Result.Version) + len(m.Result.Message) + len(m.Bill.KeyID) +
		len(o.Payload) + len(o.Document) +
		len(o.InputEventID) + len(o.CorrelationID) + len(o.TraceHeader)
	for _, v := range m.Result.Violations {
		n += 32 + len(v.Pointer) + len(v.Message)
	}
	for i := range o.Entries {
		e := &o.Entries[i]
		n += entryAllowance + len(e.Bus) + len(e.Source) + len(e.DetailType)
	}
	return n
}

func (r *Ref) size() int { return len(r.Tenant) + len(r.Schema) + len(r.Key) }

// treeSize bounds a valid JSON document as DynamoDB attribute values, in one
// pass. Every value and every name counts 1 for being part of something.
func treeSize(doc jsontext.Value) int {
	n := 0
	for i := 0; i < len(doc); {
		switch c := doc[i]; {
		case c == '"':
			size, next := stringSize(doc, i)
			n += 1 + size
			i = next
		case c == '{' || c == '[':
			n += 1 + 3
			i++
		case c == '-' || '0' <= c && c <= '9':
			end := endOfNumber(doc, i)
			n += 1 + 2 + (min(end-i, maxDigits)+1)/2
			i = end
		case c == 't' || c == 'f' || c == 'n':
			n += 1 + 1
			i += len("null")
			if c == 'f' {
				i++
			}
		default:
			i++
		}
	}
	return n
}

// stringSize returns the UTF-8 bytes of the string that opens at i, its escapes
// resolved, and the index behind it.
func stringSize(doc jsontext.Value, i int) (size, next int) {
	for i++; i < len(doc) && doc[i] != '"'; {
		switch {
		case doc[i] != '\\':
			size++
			i++
		case i+6 <= len(doc) && doc[i+1] == 'u':
			size += 3 // the most that one \uXXXX stands for
			i += 6
		default:
			size++
			i += 2
		}
	}
	return size, i + 1
}

func endOfNumber(doc jsontext.Value, i int) int {
	for i < len(doc) {
		switch c := doc[i]; {
		case '0' <= c && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			i++
		default:
			return i
		}
	}
	return i
}
