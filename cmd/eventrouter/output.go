package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/term"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/commandline"
)

// printer prints results as JSON or as text. Text is in colour only on a terminal,
// and only if NO_COLOR is not set.
type printer struct {
	out, err io.Writer
	json     bool
	colour   bool
	width    int // of the terminal; 0: not a terminal
}

func newPrinter(out, errOut io.Writer, asJSON bool) printer {
	f, isFile := out.(*os.File)
	p := printer{out: out, err: errOut, json: asJSON}
	if isFile && term.IsTerminal(int(f.Fd())) {
		p.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		p.width = 80
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			p.width = width
		}
	}
	return p
}

// clip cuts text so that it fits on a line of the terminal after so many columns.
func (p printer) clip(used int, text string) string {
	if r := []rune(text); p.width > 0 && used+len(r) > p.width {
		return string(r[:max(0, p.width-used-1)]) + "…"
	}
	return text
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

// maxInput is the maximum size of a file or of standard input that a command reads.
const maxInput = 64 << 20

// readInput reads a file, or standard input if the name is -.
func readInput(s *session, name string) ([]byte, error) {
	in := s.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fileError("", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fileError("", err)
	}
	if len(text) > maxInput {
		return nil, fault.Errorf(fault.Invalid, "%s has more than %d MiB", name, maxInput>>20)
	}
	return text, nil
}

// fileError returns the error of a file operation as Invalid, with the path and the
// reason alone. A flag that named the file comes first, if it is given.
func fileError(flag string, err error) error {
	text := commandline.Reason(err)
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		text = p.Path + ": " + text
	}
	if flag != "" {
		text = flag + ": " + text
	}
	return fault.Errorf(fault.Invalid, "%s", text)
}

// listenError returns why the server cannot listen on an address.
func listenError(address string, err error) error {
	if _, _, splitErr := net.SplitHostPort(address); splitErr != nil {
		return fault.Errorf(fault.Invalid, "--listen must be HOST:PORT, for example 127.0.0.1:4010, not %q", address)
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.Errorf(fault.Invalid, "--listen %s: another process listens there; end it, or choose another port", address)
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fault.Errorf(fault.Invalid, "--listen %s: host %s is unknown", address, dns.Name)
	}
	if a, ok := errors.AsType[*net.AddrError](err); ok {
		return fault.Errorf(fault.Invalid, "--listen %s: %s; a port is a number from 0 to 65535", address, a.Err)
	}
	return fault.Errorf(fault.Invalid, "--listen %s: %s", address, commandline.Reason(err))
}

// checkEndpoint returns an error unless text is the URL of a server.
func checkEndpoint(flag, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fault.Errorf(fault.Invalid, "%s must be a URL such as http://127.0.0.1:4010, not %q", flag, text)
	}
	return nil
}
