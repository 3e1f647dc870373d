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
	Test    patternTest    `cmd:"" help:"Test whether an event matches a pattern. Exit status 0: it matches, 1: it does not, 2: an error."`
	Explain patternExplain `cmd:"" help:"Show why an event matches a pattern or does not. Exit status as for test."`
}

// patternInput is a pattern and an event. No server is needed.
type patternInput struct {
	Pattern   string `required:"" help:"The event pattern: file://PATH, or the JSON itself."`
	Event     string `required:"" help:"The event as targets receive it: file://PATH, or the JSON itself."`
	MaxLength int    `default:"2048" help:"The maximum length of the pattern in characters. AWS raises the limit of an account to 4096 on request."`
}

// inconclusive ends a command with 2, so that a script can distinguish it from the
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

// refuse returns an error that says what is wrong with a pattern, and where.
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

// Run prints whether the event matches.
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

// exitStatus returns the error for exit status 1 if the event does not match.
func exitStatus(matches bool) error {
	if !matches {
		return errFindings
	}
	return nil
}

type patternExplain struct {
	patternInput
	ASCII bool `name:"ascii" help:"Use ASCII characters only."`
}

// Run prints the explanation as a tree.
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

// explanation prints why an event matches a pattern or does not.
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

// paintMark colours the mark at the start of a line of an explanation.
func (p printer) paintMark(line string) string {
	at := len(line) - len(strings.TrimLeft(line, "│├└─ |`"))
	for mark, paint := range map[string]func(string) string{"✓": p.green, "✗": p.red} {
		if rest, found := strings.CutPrefix(line[at:], mark); found {
			return line[:at] + paint(mark) + rest
		}
	}
	return line
}

// fileOrText returns the value of a flag: the content of a file if it begins with
// file://, else the text itself.
func fileOrText(flag, given string) ([]byte, error) {
	path, isFile := strings.CutPrefix(given, "file://")
	if !isFile {
		return []byte(given), nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(flag, err)
	}
	return text, nil
}
