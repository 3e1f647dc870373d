package pattern

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// A Style is what an [Explanation] is drawn with.
type Style struct {
	// ASCII keeps to characters that every terminal has.
	ASCII bool
}

type symbols struct{ yes, no, tee, corner, bar, gap string }

var (
	unicodeSymbols = symbols{"✓", "✗", "├─ ", "└─ ", "│  ", "   "}
	asciiSymbols   = symbols{"+", "-", "|- ", "`- ", "|  ", "   "}
)

// String draws the tree: a line for each step, with what was wanted, what was
// found and what decided in columns below one another.
func (x *Explanation) String() string {
	var b strings.Builder
	_ = x.Format(&b, nil) // a Builder takes everything
	return b.String()
}

// WriteTo draws the tree as [Explanation.String] does.
func (x *Explanation) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, x.String())
	return int64(n), err
}

// Draw writes the tree in a style; nil is the default one.
func (x *Explanation) Format(w io.Writer, style *Style) error {
	d := formatter{symbols: unicodeSymbols}
	if style != nil && style.ASCII {
		d.symbols = asciiSymbols
	}
	verdict := "the event does not match"
	if x.Matched {
		verdict = "the event matches"
	}
	d.lines = append(d.lines, line{left: d.mark(x) + " " + verdict})
	d.details(x, "", len(x.Children) > 0)
	d.children(x, "")
	_, err := io.WriteString(w, d.text())
	return err
}

// A line is a step of the tree and what is said of it.
type line struct{ left, right string }

type formatter struct {
	symbols
	lines []line
}

func (d *formatter) mark(x *Explanation) string {
	if x.Matched {
		return d.yes
	}
	return d.no
}

func (d *formatter) children(x *Explanation, indent string) {
	for i, c := range x.Children {
		branch, below := d.tee, d.bar
		if i == len(x.Children)-1 {
			branch, below = d.corner, d.gap
		}
		d.lines = append(d.lines, line{left: indent + branch + d.mark(c) + " " + c.Name})
		d.details(c, indent+below, len(c.Children) > 0)
		d.children(c, indent+below)
	}
}

// details puts the first thing to say on the line of the step, the others
// below it.
func (d *formatter) details(x *Explanation, indent string, open bool) {
	if open {
		indent += d.bar
	}
	for i, s := range d.descriptions(x) {
		if i == 0 && x.Wanted != nil {
			d.lines[len(d.lines)-1].right = s
			continue
		}
		d.lines = append(d.lines, line{left: indent, right: s})
	}
}

func (d *formatter) descriptions(x *Explanation) []string {
	var says []string
	if x.Wanted != nil {
		says = append(says, "wanted "+string(x.Wanted), "found  "+strings.Join(x.Found, ", "))
		switch {
		case x.For != "":
			says = append(says, fmt.Sprintf("holds  %s for %s", x.Decided, x.For))
		case x.Decided != nil:
			says = append(says, "holds  "+string(x.Decided))
		}
	}
	for _, note := range x.Notes {
		says = append(says, "note   "+note)
	}
	if d.symbols == asciiSymbols {
		for i := range says {
			says[i] = strings.ReplaceAll(says[i], "…", "...")
		}
	}
	return says
}

func (d *formatter) text() string {
	width := 0
	for _, l := range d.lines {
		if l.right != "" {
			width = max(width, utf8.RuneCountInString(l.left))
		}
	}
	var b strings.Builder
	for _, l := range d.lines {
		b.WriteString(l.left)
		if l.right != "" {
			b.WriteString(strings.Repeat(" ", width-utf8.RuneCountInString(l.left)+2))
			b.WriteString(l.right)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
