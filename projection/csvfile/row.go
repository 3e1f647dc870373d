package csvfile

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/jsonobject"
	"github.com/blockforger/eventrouter/projection"
)

// appendRow writes a record as a row under the header, up to the cell _version,
// which is the last.
func appendRow(b []byte, h *header, l projection.Layout, k events.RecordKey, record jsontext.Value) ([]byte, error) {
	members, err := jsonobject.Members(record)
	if err != nil {
		return b, err
	}
	cells := make([][]byte, len(h.names))
	cells[h.key] = appendKey(nil, k, l.IntegerKey)
	var nulls []string
	var more []jsonobject.Member
	for _, m := range members {
		i, hasColumn := h.columns[m.Name]
		switch {
		case hasColumn && i == h.key:
			if got, err := events.KeyOf(m.Value, l.IntegerKey); err != nil || got != k {
				return b, fmt.Errorf("the record's member %q is not its key", m.Name)
			}
		case !hasColumn:
			more = append(more, m)
		case m.Value.Kind() == 'n':
			nulls = append(nulls, m.Name)
		default:
			if cells[i], err = appendValue(nil, m.Value); err != nil {
				return b, err
			}
		}
	}
	if len(nulls) > 0 {
		slices.Sort(nulls)
		if cells[h.null], err = json.Marshal(nulls); err != nil {
			return b, err
		}
	}
	if len(more) > 0 {
		if cells[h.more], err = objectOf(more); err != nil {
			return b, err
		}
	}
	for _, cell := range cells[:h.version] {
		b = append(appendField(b, cell), ',')
	}
	return b, nil
}

// A rowVersion is the cell _version of a row, N.vVERSION: the file's write number
// and the version of the record that was written to it. The zero value is an
// empty cell.
type rowVersion struct {
	write   int64
	version string // as [store.Version.Short]
	damaged bool
}

// versionPrefix precedes VERSION in the cell. The letter keeps a spreadsheet from
// taking 12.5e10 or 12.10 for a number.
const versionPrefix = ".v"

// maxNumber is the largest write number in a file. Spreadsheets keep 15 digits.
const maxNumber = 1e15

func (v rowVersion) isEmpty() bool { return v == rowVersion{} }

// append writes the cell and the line break.
func (v rowVersion) append(b []byte) []byte {
	if v.version != "" {
		b = strconv.AppendInt(b, v.write, 10)
		b = append(b, versionPrefix...)
		b = append(b, v.version...)
	}
	return append(b, "\r\n"...)
}

func readVersion(cell []byte) rowVersion {
	cell = bytes.TrimSpace(readText(cell))
	if len(cell) == 0 {
		return rowVersion{}
	}
	n, version, _ := bytes.Cut(cell, []byte(versionPrefix))
	v := rowVersion{write: readNumber(n), version: string(version)}
	if v.write == 0 || v.version == "" {
		return rowVersion{damaged: true}
	}
	return v
}

// readNumber returns the positive number, without a sign, that the text holds, or 0.
func readNumber(digits []byte) int64 {
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' || n > maxNumber {
			return 0
		}
		n = n*10 + int64(c-'0')
	}
	if n > maxNumber {
		return 0
	}
	return n
}

// objectOf is the inverse of [jsonobject.Members], sorted by name.
func objectOf(list []jsonobject.Member) (jsontext.Value, error) {
	slices.SortFunc(list, func(a, b jsonobject.Member) int { return strings.Compare(a.Name, b.Name) })
	b := []byte{'{'}
	for i, m := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = jsontext.AppendQuote(b, m.Name); err != nil {
			return nil, err
		}
		b = append(b, ':')
		b = append(b, m.Value...)
	}
	v := jsontext.Value(append(b, '}'))
	return v, v.Compact()
}

// A cellError is an error in one cell of a row.
type cellError struct {
	column int
	reason string
}

func (e *cellError) Error() string { return e.reason }

// readRow reads a record. The error is a *cellError.
func readRow(h *header, l projection.Layout, fields []field) (jsontext.Value, error) {
	var list []jsonobject.Member
	for i, f := range fields {
		if i == h.key || i == h.null || i == h.more || i == h.version || i == h.written || len(f.text) == 0 {
			continue
		}
		v, err := readValue(f.text)
		if err != nil {
			return nil, &cellError{i, fault.MessageOf(err)}
		}
		list = append(list, jsonobject.Member{Name: h.names[i], Value: v})
	}
	k, err := readKey(fields[h.key].text, l.IntegerKey)
	if err != nil {
		return nil, &cellError{h.key, fault.MessageOf(err)}
	}
	list = append(list, jsonobject.Member{Name: l.KeyField, Value: k.Value(l.IntegerKey)})
	if h.null >= 0 && len(fields[h.null].text) > 0 {
		nulls, err := readNulls(h, fields)
		if err != nil {
			return nil, err
		}
		list = append(list, nulls...)
	}
	if h.more >= 0 && len(fields[h.more].text) > 0 {
		more, err := readMore(h, fields)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	record, err := objectOf(list)
	if err != nil {
		return nil, &cellError{h.key, "the row is not a record: " + err.Error()}
	}
	return record, nil
}

func readNulls(h *header, fields []field) ([]jsonobject.Member, error) {
	var names []string
	if err := events.Unmarshal("the cell", fields[h.null].text, &names); err != nil {
		return nil, &cellError{h.null, `must be empty or a JSON array of names, such as ["tag"]`}
	}
	list := make([]jsonobject.Member, 0, len(names))
	for n, name := range names {
		i, ok := h.columns[name]
		switch {
		case !ok || i == h.key:
			return nil, &cellError{h.null, fmt.Sprintf("names %q, which is no column that can be null", name)}
		case len(fields[i].text) > 0:
			return nil, &cellError{h.null, fmt.Sprintf("names %q, whose cell is not empty", name)}
		case slices.Contains(names[:n], name):
			return nil, &cellError{h.null, fmt.Sprintf("names %q twice", name)}
		}
		list = append(list, jsonobject.Member{Name: name, Value: jsontext.Value("null")})
	}
	return list, nil
}

func readMore(h *header, fields []field) ([]jsonobject.Member, error) {
	text := jsontext.Value(fields[h.more].text)
	if err := events.Check("the cell", text); err != nil || text.Kind() != '{' {
		return nil, &cellError{h.more, "must be empty or a JSON object of the properties that have no column"}
	}
	list, err := jsonobject.Members(text)
	if err != nil {
		return nil, &cellError{h.more, "must be a JSON object"}
	}
	for _, m := range list {
		if _, ok := h.columns[m.Name]; ok {
			return nil, &cellError{h.more, fmt.Sprintf("has %q, which has a column of its own", m.Name)}
		}
	}
	return list, nil
}
