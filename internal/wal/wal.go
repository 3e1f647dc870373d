// Package wal is a write-ahead log: records that are durable as soon as Append has
// returned, in append-only segment files that are deleted when their records have
// been stored elsewhere.
//
//	log, err := wal.Open("ledger.db.wal-", id, stored, func(record []byte) error { ... })
//	err = log.Append(record) // one fsync
//	// Store the effects of all records and log.Seq() elsewhere, then:
//	err = log.Remove()
//
// # Files
//
// A segment is named PREFIX followed by the number of its first record, 16 hex digits.
// It begins with a header: magic (8 bytes), the log's id (16), the number of the first
// record (8), CRC (4), and 0 up to 64 bytes. Records follow, each at a multiple of 8:
// length (4), CRC (4), number (8), content. Integers are little endian. The CRC is
// CRC-32C of the id and everything else in the header or record.
//
// # Damage
//
// An append that a power failure interrupts leaves an incomplete record at the end,
// which Open discards: it was never acknowledged. An incomplete record with a complete
// one after it is damage, because a record is written only after the previous one is
// durable. Open reports damage with the file and the offset, and changes nothing.
package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/durable"
)

const (
	magic        = "EVRTRWAL"
	headerSize   = 64
	recordHeader = 16
	align        = 8
	maxRecord    = 1 << 30
)

// An ID identifies a log. The segments of another log are not read.
type ID [16]byte

var table = crc32.MakeTable(crc32.Castagnoli)

// A Log is open in one process. Its methods must not be called concurrently.
type Log struct {
	prefix string
	id     ID

	file *os.File // the last segment; nil until the first append
	end  int64    // where the next record is written
	seq  uint64   // the number of the last record
	old  int64    // the bytes of the other segments
	buf  []byte

	suspect    bool   // a sync failed: the next append begins a new segment
	incomplete bool   // bytes follow end: an append was interrupted
	unfinished string // a segment whose creation was interrupted
}

// Open reads the segments of a log and calls replay with the content of each record
// whose number is greater than after, in order. Records up to after have been stored
// elsewhere. The content is not changed afterwards.
//
// The error is Invalid if a segment is damaged or missing, or belongs to another log.
func Open(prefix string, id ID, after uint64, replay func(record []byte) error) (*Log, error) {
	l := &Log{prefix: prefix, id: id, seq: after}
	segments, err := l.segments()
	if err != nil {
		return nil, err
	}
	for i, s := range segments {
		limit := uint64(1<<64 - 1) // a later segment that begins with the same number replaces the rest
		if i+1 < len(segments) {
			limit = segments[i+1].first
		}
		if err := l.read(s, limit, i+1 == len(segments), after, replay); err != nil {
			return nil, errors.Join(err, l.Close())
		}
	}
	return l, nil
}

type segment struct {
	path  string
	first uint64
}

// segments lists the segments, oldest first.
func (l *Log) segments() (list []segment, err error) {
	names, err := os.ReadDir(filepath.Dir(l.prefix))
	if err != nil {
		return nil, err
	}
	for _, e := range names {
		number, ok := strings.CutPrefix(e.Name(), filepath.Base(l.prefix))
		if first, err := strconv.ParseUint(number, 16, 64); ok && err == nil && len(number) == 16 {
			list = append(list, segment{filepath.Join(filepath.Dir(l.prefix), e.Name()), first})
		}
	}
	slices.SortFunc(list, func(a, b segment) int { return strings.Compare(a.path, b.path) })
	return list, nil
}

func damaged(path string, offset int, reason string, args ...any) error {
	return fault.Errorf(fault.Invalid, "damaged: %s: at offset %d: %s; restore a backup", path, offset, fmt.Sprintf(reason, args...))
}

// read replays the records of a segment that are numbered from after+1 to limit-1.
func (l *Log) read(s segment, limit uint64, last bool, after uint64, replay func([]byte) error) error {
	data, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	id, first, ok := parseHeader(data)
	switch {
	case !ok && last && len(data) <= headerSize:
		l.unfinished = s.path // its creation was interrupted, before the first append
		return nil
	case !ok:
		return damaged(s.path, 0, "the header of the segment is invalid")
	case id != l.id:
		return fault.Errorf(fault.Invalid, "segment %s belongs to another data file; restore both from the same backup", s.path)
	case first != s.first:
		return damaged(s.path, 0, "the segment begins with record %d, its name says %d", first, s.first)
	case first > l.seq+1:
		return damaged(s.path, 0, "records %d to %d are missing: the segment begins with %d", l.seq+1, first-1, first)
	}
	at, next := headerSize, first
	for next < limit {
		content, size, ok := l.parseRecord(data[at:], next)
		if !ok {
			break
		}
		if next > after {
			if err := replay(content); err != nil {
				return err
			}
		}
		at += size
		next++
	}
	if later, found := l.laterRecord(data[at:], next); found && next < limit {
		return damaged(s.path, at, "record %d is invalid, and valid ones follow at offset %d", next, at+later)
	}
	l.seq = max(l.seq, next-1)
	if !last {
		l.old += int64(len(data))
		return nil
	}
	l.end, l.incomplete = int64(at), at < len(data)
	l.file, err = os.OpenFile(s.path, os.O_RDWR, 0)
	return err
}

func parseHeader(data []byte) (id ID, first uint64, ok bool) {
	if len(data) < headerSize || string(data[:8]) != magic {
		return id, 0, false
	}
	id = ID(data[8:24])
	return id, binary.LittleEndian.Uint64(data[24:]), crc32.Checksum(data[:32], table) == binary.LittleEndian.Uint32(data[32:])
}

// parseRecord returns the content of the record at the start of data, and its size
// with padding. It returns false if there is no valid record with this number.
func (l *Log) parseRecord(data []byte, seq uint64) (content []byte, size int, ok bool) {
	if len(data) < recordHeader {
		return nil, 0, false
	}
	length := int64(binary.LittleEndian.Uint32(data))
	if length > int64(len(data)-recordHeader) || binary.LittleEndian.Uint64(data[8:]) != seq ||
		l.checksum(data[:recordHeader+length]) != binary.LittleEndian.Uint32(data[4:]) {
		return nil, 0, false
	}
	size = padded(recordHeader + int(length))
	return data[recordHeader : recordHeader+length], min(size, len(data)), true
}

// laterRecord looks for a valid record with a number of at least seq.
func (l *Log) laterRecord(data []byte, seq uint64) (offset int, found bool) {
	for at := align; at+recordHeader <= len(data); at += align {
		n := binary.LittleEndian.Uint64(data[at+8:])
		if n < seq || n-seq > uint64(len(data)) {
			continue
		}
		if _, _, ok := l.parseRecord(data[at:], n); ok {
			return at, true
		}
	}
	return 0, false
}

func padded(n int) int { return (n + align - 1) / align * align }

// checksum returns the checksum of a record without its own field.
func (l *Log) checksum(record []byte) uint32 {
	sum := crc32.Update(0, table, l.id[:])
	sum = crc32.Update(sum, table, record[:4])
	return crc32.Update(sum, table, record[8:])
}

// Append writes a record and returns when it is durable. After an error the record
// is not part of the log, unless the process ends before the next append.
func (l *Log) Append(content []byte) error {
	if len(content) > maxRecord {
		return fmt.Errorf("a record of %d bytes is too large", len(content))
	}
	if l.file == nil || l.suspect {
		if err := l.create(); err != nil {
			return err
		}
	}
	if l.incomplete {
		if err := l.file.Truncate(l.end); err != nil {
			return err
		}
		l.incomplete = false
	}
	b := binary.LittleEndian.AppendUint32(l.buf[:0], uint32(len(content)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, l.seq+1)
	b = append(b, content...)
	binary.LittleEndian.PutUint32(b[4:], l.checksum(b))
	for len(b)%align != 0 {
		b = append(b, 0)
	}
	if l.buf = b; cap(b) > 4<<20 {
		l.buf = nil
	}
	if _, err := l.file.WriteAt(b, l.end); err != nil {
		l.incomplete = true
		return err
	}
	if err := durable.SyncData(l.file); err != nil {
		l.suspect = true // what is on disk is not known
		return err
	}
	l.seq++
	l.end += int64(len(b))
	return nil
}

// create begins a new segment.
func (l *Log) create() error {
	if l.unfinished != "" {
		if err := os.Remove(l.unfinished); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		l.unfinished = ""
	}
	path := fmt.Sprintf("%s%016x", l.prefix, l.seq+1)
	if l.file != nil && l.file.Name() == path { // it is empty, or its only record is suspect
		return l.recreate(path)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := l.begin(f); err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	if l.file != nil {
		l.old += l.end
		_ = l.file.Close()
	}
	l.file, l.end, l.suspect, l.incomplete = f, headerSize, false, false
	return nil
}

// recreate replaces a segment without records.
func (l *Log) recreate(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_ = l.file.Close()
	l.file = nil
	return l.create()
}

// begin writes the header and makes it and the file's name durable, so that a segment
// with a record always has a header.
func (l *Log) begin(f *os.File) error {
	h := make([]byte, headerSize)
	copy(h, magic)
	copy(h[8:], l.id[:])
	binary.LittleEndian.PutUint64(h[24:], l.seq+1)
	binary.LittleEndian.PutUint32(h[32:], crc32.Checksum(h[:32], table))
	if _, err := f.WriteAt(h, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(l.prefix))
}

// Seq returns the number of the last record.
func (l *Log) Seq() uint64 { return l.seq }

// Size returns the bytes of all segments.
func (l *Log) Size() int64 { return l.old + l.end }

// Remove deletes the segments, whose records have all been stored elsewhere.
func (l *Log) Remove() error {
	segments, err := l.segments()
	if err != nil {
		return err
	}
	for _, s := range segments { // oldest first: a failure leaves no gap
		if err := os.Remove(s.path); err != nil {
			return err
		}
	}
	if l.file != nil {
		_ = l.file.Close()
	}
	l.file, l.end, l.old, l.suspect, l.incomplete = nil, 0, 0, false, false
	return nil
}

// Close closes the last segment.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
