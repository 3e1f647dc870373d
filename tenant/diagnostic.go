package tenant

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Severity says whether a [Diagnostic] keeps something from working.
type Severity string

const (
	SeverityError   Severity = "error"   // a file is refused, or a rule switched off
	SeverityWarning Severity = "warning" // it works, but maybe not as meant
)

// A Diagnostic is something to mend in a tenant's files, and where.
type Diagnostic struct {
	File     string   `json:"file"`
	Line     int      `json:"line,omitempty"`   // from 1; 0: the whole file
	Column   int      `json:"column,omitempty"` // from 1, in characters
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`

	// fatal refuses the file; an error that is not fatal switches off a part.
	fatal bool
}

// String renders the finding as compilers do: file:line:column: severity: message.
func (f Diagnostic) String() string {
	return f.place() + ": " + string(f.Severity) + ": " + f.Message
}

func (f Diagnostic) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
}

// sortDiagnostics orders by place and drops repetitions.
func sortDiagnostics(fs []Diagnostic) []Diagnostic {
	slices.SortStableFunc(fs, func(a, b Diagnostic) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, a.Column-b.Column,
			strings.Compare(string(a.Severity), string(b.Severity)), strings.Compare(a.Message, b.Message))
	})
	return slices.Compact(fs)
}

// refusal returns the first finding that refuses its file.
func refusal(fs []Diagnostic) (Diagnostic, bool) {
	i := slices.IndexFunc(fs, func(f Diagnostic) bool { return f.fatal })
	if i < 0 {
		return Diagnostic{}, false
	}
	return fs[i], true
}
