package csvfile

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/projection"
)

const (
	nullColumn    = "_null"
	moreColumn    = "_more"
	versionColumn = "_version"
	writtenColumn = "_written" // of the first format: followed by a blank and the time
	writtenLayout = "2006-01-02T15:04:05.000Z"
)

// A header is the columns of a file.
type header struct {
	names   []string // in the order of the file; "" for _version and _written
	columns map[string]int
	key     int
	null    int       // -1 if there is none
	more    int       // -1 if there is none
	version int       // likewise
	written int       // likewise; only the first format has it
	time    time.Time // in _written
}

// reserved reports whether a property of that name cannot have a column.
func reserved(name string) bool {
	return name == "" || name == nullColumn || name == moreColumn || name == versionColumn ||
		name == writtenColumn || strings.HasPrefix(name, writtenColumn+" ")
}

// newHeader returns the header of a layout. Additional columns of an old header follow
// those of the schema.
func newHeader(l projection.Layout, old *header) *header {
	names := []string{}
	add := func(name string) {
		if !reserved(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if !slices.Contains(l.Columns, l.KeyField) {
		add(l.KeyField)
	}
	for _, name := range l.Columns {
		add(name)
	}
	if old != nil {
		for _, name := range old.names {
			add(name)
		}
	}
	h := indexed(append(names, nullColumn, moreColumn, ""))
	h.version = len(names) + 2
	h.key = h.columns[l.KeyField]
	return h
}

// indexed returns a header whose columns can be found by name.
func indexed(names []string) *header {
	h := &header{names: names, columns: make(map[string]int, len(names)), null: -1, more: -1, version: -1, written: -1}
	for i, name := range names {
		switch name {
		case nullColumn:
			h.null = i
		case moreColumn:
			h.more = i
		case "":
		default:
			h.columns[name] = i
		}
	}
	return h
}

// readHeader reads the header of a file.
func readHeader(fields []field, l projection.Layout) (*header, *syntaxError) {
	names := make([]string, len(fields))
	seen := make(map[string]bool, len(fields))
	version, written, at := -1, -1, time.Time{}
	legacy := slices.ContainsFunc(fields, func(f field) bool {
		return bytes.HasPrefix(readText(f.text), []byte(writtenColumn+" "))
	})
	for i, f := range fields {
		name := string(readText(f.text))
		text, isWritten := strings.CutPrefix(name, writtenColumn+" ")
		switch {
		case isWritten || name == writtenColumn:
			if written >= 0 {
				return nil, &syntaxError{f.start, "the column _written stands twice"}
			}
			written = i
			at, _ = time.Parse(writtenLayout, text) // zero if it is damaged
			continue
		case name == versionColumn && !legacy:
			if version >= 0 {
				return nil, &syntaxError{f.start, "the column _version stands twice"}
			}
			version = i
			continue
		case name == "":
			return nil, &syntaxError{f.start, fmt.Sprintf("column %d has no name", i+1)}
		case seen[name]:
			return nil, &syntaxError{f.start, fmt.Sprintf("the column %q stands twice", name)}
		}
		seen[name] = true
		names[i] = name
	}
	h := indexed(names)
	h.version, h.written, h.time = version, written, at
	var ok bool
	if h.key, ok = h.columns[l.KeyField]; !ok {
		hint := ""
		if len(fields) == 1 && bytes.ContainsAny(fields[0].text, ";\t") {
			hint = "; columns must be separated by commas"
		}
		return nil, &syntaxError{0, fmt.Sprintf("there is no column for the key, %q%s", l.KeyField, hint)}
	}
	return h, nil
}

// covers reports whether every record of the layout can be written under the
// header as it is.
func (h *header) covers(l projection.Layout) bool {
	if h.null < 0 || h.more < 0 || h.written >= 0 || h.version != len(h.names)-1 {
		return false
	}
	for _, name := range l.Columns {
		if _, ok := h.columns[name]; !ok && !reserved(name) {
			return false
		}
	}
	return true
}

// append writes the header's line.
func (h *header) append(b []byte) []byte {
	for i, name := range h.names {
		if i > 0 {
			b = append(b, ',')
		}
		if i == h.version {
			b = append(b, versionColumn...)
			continue
		}
		b = appendField(b, appendText(nil, []byte(name)))
	}
	return append(b, "\r\n"...)
}

// checkLayout rejects a layout whose key field cannot be a column.
func checkLayout(l projection.Layout) error {
	if reserved(l.KeyField) {
		return fault.Errorf(fault.Invalid, "the key field %q has a name that csv keeps for itself", l.KeyField)
	}
	return nil
}
