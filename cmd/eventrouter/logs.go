package main

import (
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/internal/admin"
)

type logsCommand struct {
	Function string `arg:"" help:"The function: eventrouter-local or eventbridge-test-local."`
	Follow   bool   `short:"f" help:"Go on showing lines as they are written, until interrupted."`
	Limit    int    `default:"10000" help:"How many of the newest lines to begin with; a local server keeps 10,000."`
}

const followEvery = 500 * time.Millisecond

// Run shows a function's log.
func (c *logsCommand) Run(s *session) error {
	from := int64(-int64(c.Limit)) // counted from the end
	for {
		page, err := s.admin.Logs(s.ctx, c.Function, from, c.Limit)
		if err != nil {
			return err
		}
		for _, line := range page.Lines {
			if err := s.printLogLine(line); err != nil {
				return err
			}
		}
		from = page.Next
		if !c.Follow {
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (s *session) printLogLine(l admin.LogLine) error {
	if s.print.json { // a value a line, so that a program can follow too
		b, err := json.Marshal(l)
		if err == nil {
			s.print.line("%s", b)
		}
		return err
	}
	s.print.line("%s %s", s.print.faint(l.Time.UTC().Format("15:04:05.000")), l.Text)
	return nil
}
