package boltstore

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/store"
)

// A codec writes values to a buffer or reads them back. One function describes each
// type for both directions, so that they cannot differ. Integers are varints,
// strings and lists are preceded by their length, times are nanoseconds since 1970.
type codec struct {
	reading bool
	buf     []byte // the bytes written so far, or the bytes not read yet
	err     error
}

var errShort = errors.New("stored value is too short")

// encode appends v, described by fields, to dst.
func encode[T any](dst []byte, v T, fields func(*codec, *T)) []byte {
	c := codec{buf: dst}
	fields(&c, &v)
	return c.buf
}

// decode reads what encode wrote. The value may share memory with data.
func decode[T any](data []byte, fields func(*codec, *T)) (T, error) {
	var v T
	c := codec{reading: true, buf: data}
	fields(&c, &v)
	if c.err == nil && len(c.buf) > 0 {
		c.err = errors.New("stored value is longer than it should be")
	}
	return v, c.err
}

func (c *codec) int(v *int64) {
	if !c.reading {
		c.buf = binary.AppendVarint(c.buf, *v)
		return
	}
	n, size := binary.Varint(c.buf)
	if size <= 0 {
		c.fail()
		return
	}
	*v, c.buf = n, c.buf[size:]
}

func integer[I ~int | ~int64 | ~uint8](c *codec, v *I) {
	n := int64(*v)
	c.int(&n)
	*v = I(n)
}

func (c *codec) bool(v *bool) {
	var n int64
	if *v {
		n = 1
	}
	c.int(&n)
	*v = n == 1
}

// size writes a length, or reads one. A length greater than the rest of the buffer is
// an error, so that a corrupt length does not allocate more memory than there is data.
func (c *codec) size(n int) int {
	size := int64(n)
	c.int(&size)
	if c.reading && (size < 0 || size > int64(len(c.buf))) {
		c.fail()
		return 0
	}
	return int(size)
}

func (c *codec) fail() {
	c.buf = nil
	if c.err == nil {
		c.err = errShort
	}
}

func text[S ~string](c *codec, v *S) {
	n := c.size(len(*v))
	if !c.reading {
		c.buf = append(c.buf, *v...)
		return
	}
	*v, c.buf = S(c.buf[:n]), c.buf[n:]
}

// document reads or writes a JSON document. It reads an empty document as nil, which
// has the same meaning.
func (c *codec) document(v *jsontext.Value) {
	n := c.size(len(*v))
	switch {
	case !c.reading:
		c.buf = append(c.buf, *v...)
	case n > 0:
		*v, c.buf = jsontext.Value(c.buf[:n:n]), c.buf[n:]
	}
}

func (c *codec) fixed(v []byte) {
	switch {
	case !c.reading:
		c.buf = append(c.buf, v...)
	case len(c.buf) < len(v):
		c.fail()
	default:
		c.buf = c.buf[copy(v, c.buf):]
	}
}

func (c *codec) time(v *time.Time) {
	set := !v.IsZero()
	c.bool(&set)
	if !set {
		return
	}
	var n int64
	if !c.reading {
		n = v.UnixNano()
	}
	c.int(&n)
	if c.reading {
		*v = time.Unix(0, n).UTC()
	}
}

func list[T any](c *codec, v *[]T, fields func(*codec, *T)) {
	n := c.size(len(*v))
	if c.reading && n > 0 {
		*v = make([]T, n)
	}
	for i := range *v {
		fields(c, &(*v)[i])
	}
}

// recordFields are the fields of a record of format 1.
func recordFields(c *codec, h *store.Record) {
	refFields(c, &h.Ref)
	text(c, &h.Backend)
	text(c, &h.KeyField)
	c.int(&h.Revision)
	text(c, &h.Version)
	c.time(&h.Time)
	c.document(&h.Data)
	c.bool(&h.Deleted)
	c.time(&h.Expires)
	c.bool(&h.Unprojected)
}

// recordFields2 are the fields of a record of format 2.
func recordFields2(c *codec, h *store.Record) {
	recordFields(c, h)
	c.int(&h.FileWrite)
	text(c, &h.RowVersion)
	text(c, &h.MovedFrom.Key)
	text(c, &h.MovedFrom.Version)
}

func refFields(c *codec, r *store.Ref) {
	text(c, &r.Tenant)
	text(c, &r.Schema)
	text(c, &r.Key)
}

func idempotencyFields(c *codec, m *store.IdempotencyRecord) {
	text(c, &m.Key.Tenant)
	text(c, &m.Key.Origin)
	text(c, &m.Key.Value)
	c.fixed(m.Fingerprint[:])
	resultFields(c, &m.Result)
	c.int(&m.Bill.Tokens)
	text(c, &m.Bill.Month)
	text(c, &m.Bill.KeyID)
	c.bool(&m.Aggregated)
	c.time(&m.Expires)
	outputsFields(c, &m.Outputs)
	c.bool(&m.NeedsProjection)
	c.time(&m.Recheck)
}

// resultFields omits Replayed, which is not stored.
func resultFields(c *codec, r *store.Result) {
	refFields(c, &r.Ref)
	text(c, &r.Operation)
	c.int(&r.Revision)
	text(c, &r.Version)
	c.time(&r.Time)
	c.bool(&r.Rejected)
	rejectionCode(c, &r.Code)
	text(c, &r.Message)
	list(c, &r.Violations, violationFields)
}

// rejectionCode reads or writes a code as one less than [fault.Code], because the
// codes began at 0 when format 1 was defined. A result that is not a rejection has 0.
func rejectionCode(c *codec, code *fault.Code) {
	var n int64
	if *code > fault.Internal {
		n = int64(*code) - 1
	}
	c.int(&n)
	if *code = 0; n > 0 {
		*code = fault.Code(n + 1)
	}
}

func violationFields(c *codec, v *fault.Violation) {
	text(c, &v.Pointer)
	text(c, &v.Message)
}

func outputsFields(c *codec, o *store.Outputs) {
	list(c, &o.Entries, entryFields)
	c.document(&o.Payload)
	c.document(&o.Document)
	text(c, &o.InputEventID)
	text(c, &o.CorrelationID)
	integer(c, &o.Hops)
	text(c, &o.TraceHeader)
}

func entryFields(c *codec, e *store.Entry) {
	text(c, &e.Bus)
	text(c, &e.Source)
	text(c, &e.DetailType)
	c.bool(&e.WholeRecord)
	c.bool(&e.Metadata)
	c.bool(&e.Outcome)
	text(c, &e.State)
	integer(c, &e.Attempts)
	text(c, &e.Error)
	c.time(&e.Settled)
}

// keyFields are the fields of an API key of format 1.
func keyFields(c *codec, k *apikey.Key) {
	text(c, &k.ID)
	text(c, &k.Tenant)
	list(c, &k.Permissions, func(c *codec, p *apikey.Permission) { text(c, p) })
	c.fixed(k.Hash[:])
	c.time(&k.Created)
	c.time(&k.Expires)
	c.time(&k.Revoked)
	c.time(&k.LastUsed)
}

// keyFields2 are the fields of an API key of format 2.
func keyFields2(c *codec, k *apikey.Key) {
	keyFields(c, k)
	text(c, &k.Replaces)
}

// A busCheck is the result of the last check of a bus.
type busCheck struct {
	missing bool
	checked time.Time
}

func busCheckFields(c *codec, b *busCheck) {
	c.bool(&b.missing)
	c.time(&b.checked)
}

// A lease names the relay that may process a shard, and the end of its lease.
type lease struct {
	owner string
	until time.Time
}

func leaseFields(c *codec, l *lease) {
	text(c, &l.owner)
	c.time(&l.until)
}
