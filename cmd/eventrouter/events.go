package main

import (
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
)

// eventsCommands are the commands that show events.
type eventsCommands struct {
	Tail  tailCommand  `cmd:"" help:"Show the events that the buses receive, as they arrive. API keys are masked."`
	Trace traceCommand `cmd:"" help:"Show what happened to one event: rules, deliveries, effect, bill, and the events that it caused."`
}

type tailCommand struct {
	Bus      string `help:"Only events of this bus: its name or ARN."`
	Pattern  string `help:"Only events that match this event pattern: file://PATH, or the JSON itself."`
	Last     int    `short:"n" default:"10" help:"The number of the newest events to show first."`
	NoFollow bool   `help:"Show only those, and exit."`
}

// Run shows events until it is interrupted.
func (c *tailCommand) Run(s *session) error {
	q, err := c.query(s)
	if err != nil {
		return err
	}
	for {
		page, err := s.admin.Tail(s.ctx, q)
		if err != nil {
			if s.ctx.Err() != nil {
				return nil
			}
			return err
		}
		if c.Last <= 0 && q.From < 0 {
			page.Events = nil // one event was requested only to find the end
		}
		outcomes, err := s.tailOutcomes(page.Events)
		if err != nil {
			return err
		}
		for i := range page.Events {
			if err := s.printEvent(&page.Events[i], &outcomes[i]); err != nil {
				return err
			}
		}
		more := q.From >= 0 && page.Next > q.From
		q.From = page.Next
		switch {
		case more: // there may be another page
			continue
		case c.NoFollow:
			return nil
		}
		select {
		case <-s.ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
	}
}

func (c *tailCommand) query(s *session) (admin.TailQuery, error) {
	q := admin.TailQuery{Bus: c.Bus, From: -int64(max(c.Last, 1))}
	if c.Pattern == "" {
		return q, nil
	}
	text, err := fileOrText("--pattern", c.Pattern)
	if err != nil {
		return q, err
	}
	if _, err := pattern.Compile(text); err != nil {
		return q, s.patternError(err, text)
	}
	q.Pattern = string(text)
	return q, nil
}

// tailOutcome is how long an event waits for its outcome before it is shown.
const tailOutcome = 2 * time.Second

// tailOutcomes returns the outcomes of events, and waits a moment for those of new
// ones.
func (s *session) tailOutcomes(page []trace.Info) ([]trace.Outcome, error) {
	if len(page) == 0 {
		return nil, nil
	}
	queries := make([]admin.OutcomeQuery, len(page))
	for i := range page {
		queries[i].EventID = page[i].ID
	}
	for began := time.Now(); ; {
		outcomes, err := s.admin.Outcomes(s.ctx, queries)
		if err != nil {
			return nil, err
		}
		running := false
		for i := range outcomes {
			fresh := time.Since(page[i].Received) < tailOutcome && time.Since(began) < tailOutcome
			running = running || fresh && (outcomes[i].State == "" || outcomes[i].Running)
		}
		if !running {
			return outcomes, nil
		}
		select {
		case <-s.ctx.Done():
			return outcomes, nil
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// printEvent prints an event on one line, with its outcome before its detail.
func (s *session) printEvent(e *trace.Info, o *trace.Outcome) error {
	if s.print.json {
		line, err := json.Marshal(struct {
			*trace.Info
			Outcome *trace.Outcome `json:"outcome"`
		}{e, o}, jsontext.AllowDuplicateNames(true))
		if err == nil {
			s.print.line("%s", line)
		}
		return err
	}
	at, sent := s.print.faint(e.Received.UTC().Format("15:04:05.000")), envelopeOf(e)
	replay := ""
	if e.Replay != "" {
		replay = "  " + s.print.faint("replay "+e.Replay)
	}
	paint := s.print.red
	if o.Succeeded() {
		paint = s.print.green
	}
	s.print.line("%s  %s  %s  %s  %s%s  %s  %s", at, busName(e.Bus), e.ID, sent.Source, s.print.bold(string(sent.DetailType)), replay, paint(o.Short()), sent.Detail)
	return nil
}

// envelopeOf returns the event as its sender wrote it; fields that cannot be read are empty.
func envelopeOf(e *trace.Info) (sent events.Envelope) {
	_ = json.Unmarshal(e.Event, &sent, jsontext.AllowDuplicateNames(true))
	return sent
}

// busName returns the name in a bus's ARN.
func busName(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }
