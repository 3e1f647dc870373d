package csvfile

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/store"
)

// A view is the file as it was when it was opened.
type view struct {
	p *Projection
	c store.Collection
	l projection.Layout
	*table
}

// Observed returns the file's row of a record.
func (v *view) Observed(k events.RecordKey) projection.Observed {
	if v.etag == "" {
		return projection.Observed{Managed: true} // see the package comment
	}
	record, err := v.record(k, v.l)
	absent := fault.Is(err, fault.NotFound)
	switch {
	case v.ours && err != nil:
		return projection.Observed{Managed: true}
	case absent && v.unread != nil:
		return projection.Observed{Err: v.unread} // the record may be in the row that cannot be read
	case absent:
		return projection.Observed{Row: v.rowOf(row{})}
	case err != nil:
		return projection.Observed{Err: err}
	}
	return projection.Observed{Data: record, Managed: v.ours, Row: v.rowOf(v.rows[v.index[k]])}
}

func (v *view) rowOf(r row) *projection.Row {
	return &projection.Row{
		FileWrite: v.number, New: r.key != "" && r.version.isEmpty() && v.header.written < 0,
		Write: r.version.write, Version: r.version.version,
		Legacy: v.header.written >= 0, Written: v.header.time,
	}
}

// ExternallyEdited returns the keys of all rows, and true, if the file has an external
// edit, an invalid row or no column _version: each row must then be compared with its
// record.
func (v *view) ExternallyEdited() ([]events.RecordKey, bool) {
	if v.ours && v.unread == nil && v.header.version >= 0 {
		return nil, false
	}
	return slices.Sorted(maps.Keys(v.index)), true
}

// Fits returns an error if the file would be too large with the row of the record.
func (v *view) Fits(h store.Record) error {
	size := len(v.data)
	if i, ok := v.index[h.Key]; ok {
		size -= v.rows[i].next - v.rows[i].start
	}
	if !h.Deleted {
		head := v.header
		if head == nil || !head.covers(v.l) {
			head = newHeader(v.l, v.header)
			size += len(head.append(nil))
		}
		b, err := appendRow(nil, head, v.l, h.Key, h.Data)
		if err != nil {
			return err
		}
		size += len(rowVersion{write: v.number + 1, version: h.Version.Short()}.append(b))
	}
	if size > MaxFile && !h.Deleted {
		return tooLarge(v.name, size)
	}
	return nil
}

func tooLarge(name string, size int) error {
	return fault.Errorf(fault.TooLarge, "%s would have %d bytes, at most %d are allowed with the backend csv: use dynamodb or s3 for this schema (tenant migrate)",
		name, size, MaxFile)
}

// Write writes the file, with the rows of the records replaced, added or removed.
func (v *view) Write(ctx context.Context, heads []store.Record, after int64) (int64, error) {
	if err := checkLayout(v.l); err != nil {
		return 0, err
	}
	changes := make(map[events.RecordKey]*store.Record, len(heads))
	for i := range heads {
		changes[heads[i].Key] = &heads[i]
	}
	if v.etag != "" && !v.ours {
		if err := v.understood(changes); err != nil {
			return 0, err
		}
	}
	number := max(after, v.number) + 1
	data, changed, err := v.rewrite(heads, changes, number)
	if err != nil || !changed {
		return v.number, err
	}
	if len(data) > MaxFile+maxOverrun {
		return 0, tooLarge(v.name, len(data))
	}
	metadata := map[string]string{sumName: sumOf(data), numberName: strconv.FormatInt(number, 10)}
	etag, err := v.p.bucket.Put(ctx, v.name, data, metadata, blob.Condition{IfMatch: v.etag, IfNone: v.etag == ""})
	if err != nil {
		return 0, err
	}
	v.p.cache.put(file{name: v.name, etag: etag, data: data, ours: true, number: number})
	return number, nil
}

// understood returns an error if the file has an invalid external edit, which must not
// be overwritten. It allows an invalid row that a change replaces.
func (v *view) understood(changes map[events.RecordKey]*store.Record) error {
	if v.unread != nil {
		return v.unread
	}
	for _, r := range v.rows {
		if changes[r.key] != nil {
			continue
		}
		if _, err := v.record(r.key, v.l); err != nil {
			return err
		}
	}
	return nil
}

// rewrite returns the new content of the file with a write number. Of an unchanged row
// it replaces only that number.
func (v *view) rewrite(heads []store.Record, changes map[events.RecordKey]*store.Record, number int64) (data []byte, changed bool, err error) {
	head := v.header
	grown := head == nil || !head.covers(v.l)
	if grown {
		head = newHeader(v.l, v.header)
	}
	const digits = 36 // the maximum growth of a cell _version
	b := make([]byte, 0, len(v.data)+len(v.rows)*digits+len(heads)*256+1024)
	b = head.append(b)
	changed = grown && v.etag != "" || !v.ours && v.etag != ""
	shown := make(map[events.RecordKey]bool, len(heads))
	for _, r := range v.rows {
		h, from, version := changes[r.key], len(b), r.version
		switch {
		case h != nil && (h.Deleted || shown[r.key]):
			changed = true
			continue
		case h != nil:
			shown[r.key] = true
			if b, err = appendRow(b, head, v.l, h.Key, h.Data); err != nil {
				return nil, false, err
			}
			version.version = h.Version.Short()
			changed = changed || version != r.version || !bytes.Equal(b[from:], v.data[r.start:r.cell])
		case grown:
			record, err := v.read(r, v.l)
			if err != nil {
				return nil, false, err
			}
			if b, err = appendRow(b, head, v.l, r.key, record); err != nil {
				return nil, false, err
			}
		default:
			b = append(b, v.data[r.start:r.cell]...)
		}
		version.write = number
		b = version.append(b)
	}
	for i := range heads {
		h := changes[heads[i].Key]
		if h.Deleted || shown[h.Key] {
			continue
		}
		changed, shown[h.Key] = true, true
		if b, err = appendRow(b, head, v.l, h.Key, h.Data); err != nil {
			return nil, false, err
		}
		b = rowVersion{write: number, version: h.Version.Short()}.append(b)
	}
	return b, changed, nil
}
