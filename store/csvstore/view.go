package csvstore

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/object"
	"github.com/blockforger/eventrouter/store"
)

// A view is the file as it was when it was opened.
type view struct {
	p *Projection
	c store.Collection
	l store.Layout
	*table
}

// Shown answers for any record.
func (v *view) Shown(k events.Key) store.Shown {
	if v.etag == "" {
		return store.Shown{Ours: true} // see the package comment
	}
	record, err := v.record(k, v.l)
	absent := err != nil && fault.CodeOf(err) == fault.NotFound
	switch {
	case v.ours && err != nil:
		return store.Shown{Ours: true}
	case absent && v.unread != nil:
		return store.Shown{Err: v.unread} // it may be what cannot be read
	case absent:
		return store.Shown{Base: v.header.base}
	case err != nil:
		return store.Shown{Err: err}
	}
	return store.Shown{Data: record, Ours: v.ours, Base: v.header.base}
}

// Edited says whether the file is not as we wrote it, or cannot be read as one
// of this schema any more: it then has to be written whole.
func (v *view) Edited() ([]events.Key, bool) {
	if v.ours && v.unread == nil {
		return nil, false
	}
	return slices.Collect(maps.Keys(v.index)), true
}

// Fits measures the row of a head against the room that is left.
func (v *view) Fits(h store.Head) error {
	size := len(v.data)
	if i, ok := v.index[h.Key]; ok {
		size -= v.rows[i].next - v.rows[i].start
	}
	if !h.Deleted {
		head := v.header
		if head == nil || !head.covers(v.l) {
			head = newHeader(v.l, v.header)
			size += len(head.append(nil, time.Time{}))
		}
		b, err := appendRow(nil, head, v.l, h.Key, h.Data)
		if err != nil {
			return err
		}
		size += len(b)
	}
	if size > MaxFile && !h.Deleted {
		return tooLarge(v.name, size)
	}
	return nil
}

func tooLarge(name string, size int) error {
	return fault.New(fault.TooLarge, "%s would have %d bytes, at most %d are allowed with the backend csv: use dynamodb or s3 for this schema (tenant migrate)",
		name, size, MaxFile)
}

// Write writes the file, with the rows of the heads replaced, added or left out.
func (v *view) Write(ctx context.Context, heads []store.Head) error {
	if err := checkLayout(v.l); err != nil {
		return err
	}
	changes := make(map[events.Key]*store.Head, len(heads))
	written := v.p.clock()
	if v.header != nil && v.header.base.After(written) {
		written = v.header.base // clocks differ: the file does show all before
	}
	for i := range heads {
		changes[heads[i].Key] = &heads[i]
		if heads[i].Time.After(written) {
			written = heads[i].Time
		}
	}
	if v.etag != "" && !v.ours {
		if err := v.understood(changes); err != nil {
			return err
		}
	}
	data, changed, err := v.rewrite(heads, changes, written)
	if err != nil || !changed {
		return err
	}
	if len(data) > MaxFile+maxOverrun {
		return tooLarge(v.name, len(data))
	}
	metadata := map[string]string{sumName: sumOf(data)}
	etag, err := v.p.bucket.Put(ctx, v.name, data, metadata, object.Condition{IfMatch: v.etag, IfNone: v.etag == ""})
	if err == nil {
		v.p.cache.put(file{name: v.name, etag: etag, data: data, ours: true})
	}
	return err
}

// understood refuses to write over what a person wrote and we cannot read,
// unless it is a row that a change is to replace.
func (v *view) understood(changes map[events.Key]*store.Head) error {
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

// rewrite makes the new content. Rows that do not change are copied as they are.
func (v *view) rewrite(heads []store.Head, changes map[events.Key]*store.Head, written time.Time) (data []byte, changed bool, err error) {
	head := v.header
	grown := head == nil || !head.covers(v.l)
	if grown {
		head = newHeader(v.l, v.header)
	}
	b := make([]byte, 0, len(v.data)+len(heads)*256+1024)
	b = head.append(b, written)
	changed = grown && v.etag != "" || !v.ours && v.etag != ""
	shown := make(map[events.Key]bool, len(heads))
	for _, r := range v.rows {
		h, from := changes[r.key], len(b)
		switch {
		case h != nil && (h.Deleted || shown[r.key]):
			changed = true
			continue
		case h != nil:
			shown[r.key] = true
			if b, err = appendRow(b, head, v.l, h.Key, h.Data); err != nil {
				return nil, false, err
			}
			changed = changed || !bytes.Equal(b[from:], v.data[r.start:r.next])
		case grown:
			record, err := v.read(r, v.l)
			if err != nil {
				return nil, false, err
			}
			if b, err = appendRow(b, head, v.l, r.key, record); err != nil {
				return nil, false, err
			}
		default:
			b = append(b, v.data[r.start:r.end]...)
			b = append(b, "\r\n"...)
		}
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
	}
	return b, changed, nil
}
