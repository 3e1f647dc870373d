package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
)

type patternCommands struct {
	Test    patternTest    `cmd:"" help:"Tell whether an event matches a pattern. Exit status 0: it does, 1: it does not, 2: no answer."`
	Explain patternExplain `cmd:"" help:"Draw why an event matches a pattern or does not. Exit status as of test."`
}

// patternInput is a pattern and an event. No server is needed to answer it.
type patternInput struct {
	Pattern   string `required:"" help:"The event pattern: file://PATH, or the JSON itself."`
	Event     string `required:"" help:"The event as targets get it: file://PATH, or the JSON itself."`
	MaxLength int    `default:"2048" help:"How many characters the pattern may have. AWS raises the limit of an account to 4096 on request."`
}

// A inconclusive ends a command with 2, so that a script can tell it from the
// exitStatus no.
type inconclusive struct{ error }

func (e inconclusive) Unwrap() error { return e.error }

func (q *patternInput) read(s *session) (*pattern.Pattern, *pattern.Event, error) {
	text, err := fileOrText("--pattern", q.Pattern)
	if err != nil {
		return nil, nil, inconclusive{err}
	}
	p, err := pattern.Admit(text, q.MaxLength)
	if err != nil {
		return nil, nil, s.patternError(err, text)
	}
	if text, err = fileOrText("--event", q.Event); err != nil {
		return nil, nil, inconclusive{err}
	}
	e, err := pattern.Parse(text)
	if err != nil {
		return nil, nil, inconclusive{fault.Errorf(fault.Invalid, "--event: %v", err)}
	}
	return p, e, nil
}

// refuse tells why a pattern is none, and where in it.
func (s *session) patternError(err error, text []byte) error {
	refusal, ok := errors.AsType[*pattern.Error](err)
	if !ok {
		return inconclusive{err}
	}
	if s.print.json {
		if _, err := s.print.printJSON(struct {
			Error  string `json:"error"`
			Line   int    `json:"line,omitzero"`
			Column int    `json:"column,omitzero"`
			Hint   string `json:"hint,omitzero"`
		}{refusal.Error(), refusal.Line, refusal.Column, refusal.Hint}); err != nil {
			return err
		}
	}
	message := refusal.Error()
	if refusal.Line > 0 {
		message += fmt.Sprintf(" (line %d, column %d)", refusal.Line, refusal.Column)
	}
	if excerpt := refusal.Excerpt(text); excerpt != "" {
		message += "\n" + excerpt
	}
	return inconclusive{fault.Errorf(fault.Invalid, "%s", message)}
}

type patternTest struct{ patternInput }

// Run answers yes or no.
func (c *patternTest) Run(s *session) error {
	p, e, err := c.read(s)
	if err != nil {
		return err
	}
	matches := p.Match(e)
	done, err := s.print.printJSON(struct {
		Matches bool `json:"matches"`
	}{matches})
	switch {
	case err != nil:
		return err
	case !done && matches:
		s.print.line("%s", s.print.green("the event matches"))
	case !done:
		s.print.line("%s", s.print.red("the event does not match"))
	}
	return exitStatus(matches)
}

// exitStatus turns no into the exit status 1.
func exitStatus(matches bool) error {
	if !matches {
		return errFindings
	}
	return nil
}

type patternExplain struct {
	patternInput
	ASCII bool `name:"ascii" help:"Draw with characters that every terminal has."`
}

// Run draws the tree.
func (c *patternExplain) Run(s *session) error {
	p, e, err := c.read(s)
	if err != nil {
		return err
	}
	why := pattern.Explain(p, e)
	done, err := s.print.printJSON(why)
	if !done && err == nil {
		err = s.print.explanation(why, "", c.ASCII)
	}
	if err != nil {
		return err
	}
	return exitStatus(why.Matched)
}

// explanation draws why an event matches a pattern or does not.
func (p printer) explanation(why *pattern.Explanation, indent string, ascii bool) error {
	var drawn strings.Builder
	if err := why.Format(&drawn, &pattern.Style{ASCII: ascii}); err != nil {
		return err
	}
	for line := range strings.Lines(drawn.String()) {
		if _, err := fmt.Fprint(p.out, indent+p.paintMark(line)); err != nil {
			return err
		}
	}
	return nil
}

// paintMark colours the mark that begins a step of a drawing.
func (p printer) paintMark(line string) string {
	at := len(line) - len(strings.TrimLeft(line, "│├└─ |`"))
	for mark, paint := range map[string]func(string) string{"✓": p.green, "✗": p.red} {
		if rest, found := strings.CutPrefix(line[at:], mark); found {
			return line[:at] + paint(mark) + rest
		}
	}
	return line
}

// fileOrText reads what a flag gives: a file where it begins with file://, or
// the text itself.
func fileOrText(flag, given string) ([]byte, error) {
	path, isFile := strings.CutPrefix(given, "file://")
	if !isFile {
		return []byte(given), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s: %v", flag, err)
	}
	return text, nil
}
