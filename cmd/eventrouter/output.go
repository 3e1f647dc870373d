package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"

	"github.com/blockforger/eventrouter/fault"
)

// printer prints results as JSON or as text. Text is in colour only on a terminal,
// and only if NO_COLOR is not set.
type printer struct {
	out, err io.Writer
	json     bool
	colour   bool
}

func newPrinter(out, errOut io.Writer, asJSON bool) printer {
	f, isFile := out.(*os.File)
	colour := isFile && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
	return printer{out: out, err: errOut, json: asJSON, colour: colour}
}

// printJSON prints v as JSON if the output format is JSON, and reports whether it is.
func (p printer) printJSON(v any) (bool, error) {
	if !p.json {
		return false, nil
	}
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		return true, err
	}
	_, err = fmt.Fprintf(p.out, "%s\n", b)
	return true, err
}

// table prints rows below a header, in aligned columns.
func (p printer) table(header []string, rows [][]string) error {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	head, body, _ := strings.Cut(text.String(), "\n")
	_, err := fmt.Fprintf(p.out, "%s\n%s", p.bold(strings.TrimRight(head, " ")), body)
	return err
}

func (p printer) line(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// note prints a line to standard error, so that piped output does not contain it.
func (p printer) note(format string, args ...any) { fmt.Fprintf(p.err, format+"\n", args...) }

func (p printer) bold(s string) string  { return p.paint("1", s) }
func (p printer) green(s string) string { return p.paint("32", s) }
func (p printer) red(s string) string   { return p.paint("31", s) }
func (p printer) faint(s string) string { return p.paint("2", s) }

func (p printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// confirm asks the user to type a word before a change that cannot be undone or
// that affects others. It returns an error if the input is another word or empty.
func (s *session) confirm(question, word string) error {
	s.print.note("%s\nType %s to go on:", question, word)
	line, _ := bufio.NewReader(s.in).ReadString('\n')
	if strings.TrimSpace(line) != word {
		return fault.Errorf(fault.Invalid, "nothing was done: the answer was not %q (--yes goes on without asking)", word)
	}
	return nil
}
