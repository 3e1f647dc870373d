package csvfile

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/projection"
)

// A table is a file with the position of the row of each key. It is immutable.
type table struct {
	file
	keyField   string
	integerKey bool

	number int64 // the largest write number, 0 if there is none

	header *header // nil if it cannot be read, or there is no file
	rows   []row
	index  map[events.RecordKey]int // into rows, the first of a key

	// unread is the first error that prevents a row from being found by its key. A key
	// that is not in index may be in such a row.
	unread error
	broken map[events.RecordKey]error // the errors of rows that were found, but are not valid
}

// A row is the position of a row in the file.
type row struct {
	start, end, next int // next is the offset after the line break
	cell             int // the offset of the cell _version
	key              events.RecordKey
	version          rowVersion
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// newTable reads a file.
func newTable(f file, l projection.Layout) *table {
	t := &table{file: f, number: f.number, keyField: l.KeyField, integerKey: l.IntegerKey, index: map[events.RecordKey]int{}}
	if f.etag == "" {
		return t
	}
	pos := 0
	if bytes.HasPrefix(f.data, byteOrderMark) {
		pos = len(byteOrderMark)
	}
	if pos = t.skipBlank(pos); pos == len(f.data) {
		t.unread = fault.Errorf(fault.Invalid, "%s: the file is empty: it has no header", f.name)
		return t
	}
	fields, _, next, err := scanRow(f.data, pos, nil)
	if err == nil {
		var wrong *syntaxError
		if t.header, wrong = readHeader(fields, l); wrong != nil {
			err = wrong
		}
	}
	if err != nil {
		t.unread = t.located(err)
		return t
	}
	t.readRows(next)
	return t
}

// readRows finds the rows from pos on.
func (t *table) readRows(pos int) {
	// The number of line breaks is an estimate of the number of rows.
	t.rows = make([]row, 0, bytes.Count(t.data[pos:], []byte{'\n'})+1)
	var fields []field
	for pos = t.skipBlank(pos); pos < len(t.data); pos = t.skipBlank(pos) {
		var err error
		r := row{start: pos}
		if fields, r.end, r.next, err = scanRow(t.data, pos, fields[:0]); err != nil {
			t.note(t.located(err)) // the start of the next row is unknown
			return
		}
		pos = r.next
		t.addRow(r, fields)
	}
}

func (t *table) addRow(r row, fields []field) {
	if allEmpty(fields) {
		return // a spreadsheet leaves empty cells if a row is cleared
	}
	if t.header.key >= len(fields) {
		t.note(t.locatedAt(r.start, "the row has %d cells, its header %d", len(fields), len(t.header.names)))
		return
	}
	k, err := readKey(fields[t.header.key].text, t.integerKey)
	if err != nil {
		t.note(t.locatedAt(fields[t.header.key].start, "%s", fault.MessageOf(err)))
		return
	}
	r.key = k
	if i := t.header.version; i >= 0 && i < len(fields) {
		r.cell, r.version = fields[i].start, readVersion(fields[i].text)
		t.number = max(t.number, r.version.write)
	}
	if first, ok := t.index[k]; ok {
		t.breakRow(k, t.locatedAt(r.start, "the key stands on line %d too", t.line(t.rows[first].start)))
	} else {
		t.index[k] = len(t.rows)
	}
	if len(fields) < len(t.header.names) || !allEmpty(fields[len(t.header.names):]) {
		t.breakRow(k, t.locatedAt(r.start, "the row has %d cells, its header %d", len(fields), len(t.header.names)))
	}
	t.rows = append(t.rows, r)
}

func allEmpty(fields []field) bool {
	for _, f := range fields {
		if len(f.text) > 0 {
			return false
		}
	}
	return true
}

func (t *table) note(err error) {
	if t.unread == nil {
		t.unread = err
	}
}

func (t *table) breakRow(k events.RecordKey, err error) {
	if t.broken == nil {
		t.broken = map[events.RecordKey]error{}
	}
	if t.broken[k] == nil {
		t.broken[k] = err
	}
}

// record reads the row of a key. The error is NotFound if there is none.
func (t *table) record(k events.RecordKey, l projection.Layout) (jsontext.Value, error) {
	if err := t.broken[k]; err != nil {
		return nil, err
	}
	i, ok := t.index[k]
	if !ok {
		return nil, fault.Errorf(fault.NotFound, "%s has no row with this key", t.name)
	}
	return t.read(t.rows[i], l)
}

func (t *table) read(r row, l projection.Layout) (jsontext.Value, error) {
	fields, _, _, err := scanRow(t.data, r.start, nil)
	if err != nil {
		return nil, t.located(err)
	}
	record, err := readRow(t.header, l, fields[:len(t.header.names)])
	if wrong, ok := err.(*cellError); ok {
		return nil, t.locatedAt(fields[wrong.column].start, "column %q %s", t.columnName(wrong.column), wrong.reason)
	}
	return record, err
}

func (t *table) columnName(i int) string {
	switch i {
	case t.header.written:
		return writtenColumn
	case t.header.version:
		return versionColumn
	}
	return t.header.names[i]
}

func (t *table) skipBlank(pos int) int {
	for pos < len(t.data) && (t.data[pos] == '\n' || t.data[pos] == '\r') {
		pos++
	}
	return pos
}

// located returns an error of the scanner as a fault with line and column.
func (t *table) located(err error) error {
	if wrong, ok := err.(*syntaxError); ok {
		return t.locatedAt(wrong.offset, "%s", wrong.reason)
	}
	return err
}

func (t *table) locatedAt(offset int, format string, args ...any) error {
	column := offset - bytes.LastIndexByte(t.data[:offset], '\n')
	return fault.Errorf(fault.Invalid, "%s: line %d, column %d: %s", t.name, t.line(offset), column, fmt.Sprintf(format, args...))
}

func (t *table) line(offset int) int { return 1 + bytes.Count(t.data[:offset], []byte{'\n'}) }
