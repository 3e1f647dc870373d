// Package diag holds diagnostics: problems in the files of a tenant, with file,
// line and column.
//
// A parser reads a [Source], which converts byte offsets to positions and
// collects the diagnostics:
//
//	src := diag.NewSource("acme/tenant.properties", data)
//	src.Warnf(offset, "unknown property %q%s", name, diag.Suggest(name, known))
//	problem, found := diag.FirstFatal(src.Diagnostics)
package diag

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Severity is the severity of a [Diagnostic].
type Severity string

const (
	SeverityError   Severity = "error"   // the file is rejected, a rule is disabled, or no payload is accepted
	SeverityWarning Severity = "warning" // the file is accepted, but it may not do what its author intended
)

// Diagnostic is a problem in a file, and its position.
type Diagnostic struct {
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`   // from 1; 0: the whole file
	Column   int      `json:"column,omitempty"` // from 1, in characters
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`

	// Fatal reports whether the whole file is rejected. Other errors leave the file
	// in use, for example with a disabled rule.
	Fatal bool `json:"-"`
}

// String formats the diagnostic as compilers do: file:line:column: severity: message.
func (d Diagnostic) String() string {
	return d.Position() + ": " + string(d.Severity) + ": " + d.Message
}

// Position returns file:line:column, or the file alone if the diagnostic has no line.
func (d Diagnostic) Position() string {
	if d.Line == 0 {
		return d.File
	}
	return fmt.Sprintf("%s:%d:%d", d.File, d.Line, d.Column)
}

// Sort sorts diagnostics by position and removes duplicates.
func Sort(ds []Diagnostic) []Diagnostic {
	slices.SortStableFunc(ds, func(a, b Diagnostic) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
			strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(ds)
}

// FirstFatal returns the first fatal diagnostic, if there is one.
func FirstFatal(ds []Diagnostic) (Diagnostic, bool) {
	i := slices.IndexFunc(ds, func(d Diagnostic) bool { return d.Fatal })
	if i < 0 {
		return Diagnostic{}, false
	}
	return ds[i], true
}
