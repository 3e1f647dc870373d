package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/trace"
)

type entryCommands struct {
	List  entriesList  `cmd:"" help:"List entries."`
	Retry entriesRetry `cmd:"" help:"Make entries pending again: the relay publishes them within two minutes."`
	Drop  entriesDrop  `cmd:"" help:"Drop entries: they are not published."`
}

// entrySelector are the flags that choose entries.
type entrySelector struct {
	ID     string    `name:"id" help:"The entry with this output id."`
	Tenant string    `help:"Entries of this tenant."`
	Bus    string    `help:"Entries for the bus with this ARN."`
	State  string    `enum:"pending,published,failed,dropped," default:"" help:"Entries in this state: pending, published, failed or dropped."`
	Since  time.Time `placeholder:"TIME" help:"Entries of changes from this time on: a time such as 2026-11-21T03:00:00Z, or a duration before now such as 1h."`
	Until  time.Time `placeholder:"TIME" help:"Entries of changes before this time."`
}

func (c *entrySelector) query() (admin.EntryQuery, error) {
	q := admin.EntryQuery{OutputID: c.ID, State: c.State, Since: c.Since, Until: c.Until}
	var err error
	if c.Tenant != "" {
		if q.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
			return q, err
		}
	}
	if c.Bus != "" {
		if q.Bus, err = events.ParseBusARN(c.Bus); err != nil {
			return q, err
		}
	}
	return q, nil
}

type entriesList struct {
	entrySelector `embed:""`
}

// Run lists entries.
func (c *entriesList) Run(s *session) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	all := []trace.Entry{}
	for {
		page, err := s.admin.ListEntries(s.ctx, q)
		if err != nil {
			return err
		}
		all = append(all, page.Entries...)
		if q.Cursor = page.Cursor; q.Cursor == "" {
			break
		}
	}
	if len(all) == 0 && q.Tenant != "" {
		if err := s.admin.CheckExists(s.ctx, q.Tenant, ""); err != nil {
			return err
		}
	}
	if done, err := s.print.printJSON(struct {
		Entries []trace.Entry `json:"entries"`
	}{all}); done {
		return err
	}
	rows := make([][]string, len(all))
	for i, e := range all {
		rows[i] = []string{e.OutputID, e.State, fmt.Sprint(e.Attempts), date(e.Time), string(e.Tenant), string(e.DetailType), string(e.Bus), e.Error}
	}
	return s.print.table([]string{"OUTPUT ID", "STATE", "ATTEMPTS", "TIME", "TENANT", "DETAIL-TYPE", "BUS", "ERROR"}, rows)
}

type entriesRetry struct {
	entrySelector `embed:""`
}

// Run makes entries pending again.
func (c *entriesRetry) Run(s *session) error { return c.settle(s, "retry") }

type entriesDrop struct {
	entrySelector `embed:""`
}

// Run drops entries.
func (c *entriesDrop) Run(s *session) error { return c.settle(s, "drop") }

func (c *entrySelector) settle(s *session, action string) error {
	q, err := c.query()
	if err != nil {
		return err
	}
	if q == (admin.EntryQuery{}) {
		return fault.Errorf(fault.Invalid, "name the entries by --id, --state, --tenant, --bus, --since or --until")
	}
	acted, err := s.admin.SettleEntries(s.ctx, admin.EntryAction{Query: q, Action: action})
	if err != nil {
		return err
	}
	if acted.Count == 0 && q.Tenant != "" {
		if err := s.admin.CheckExists(s.ctx, q.Tenant, ""); err != nil {
			return err
		}
	}
	if done, err := s.print.printJSON(acted); done {
		return err
	}
	s.print.line("%s: %d entries", action, acted.Count)
	return nil
}

type replayCommand struct {
	Archive string    `required:"" help:"The archive, as created by aws events create-archive."`
	Since   time.Time `aliases:"from" required:"" placeholder:"TIME" help:"Replay events with this time or later: a time such as 2026-11-21T03:00:00Z, or a duration before now such as 1h."`
	Until   time.Time `aliases:"to" placeholder:"TIME" help:"Replay events before this time. Default: now."`
	Rules   []string  `name:"rule" help:"Only to this rule of the archive's bus; may be given several times. Default: every rule."`
	Name    string    `help:"The name of the replay, which must be new. Default: archive and time."`
	NoWait  bool      `help:"Start the replay and do not wait for its end."`
}

const replayPoll = 200 * time.Millisecond

// Run starts a replay and waits until it has ended. If the command is interrupted,
// the replay continues.
func (c *replayCommand) Run(s *session) error {
	client := newEventBridge(s.endpoint)
	in, err := c.request(s.ctx, client)
	if err != nil {
		return err
	}
	if _, err := client.StartReplay(s.ctx, in); err != nil {
		return serviceError("replay", err)
	}
	if !c.NoWait {
		return s.awaitReplay(client, *in.ReplayName)
	}
	return s.printReplay(&eventbridge.DescribeReplayOutput{ReplayName: in.ReplayName, State: types.ReplayStateStarting})
}

func (c *replayCommand) request(ctx context.Context, client *eventbridge.Client) (*eventbridge.StartReplayInput, error) {
	archive, err := client.DescribeArchive(ctx, &eventbridge.DescribeArchiveInput{ArchiveName: &c.Archive})
	if err != nil {
		return nil, serviceError("replay", err)
	}
	now := time.Now().UTC()
	in := &eventbridge.StartReplayInput{ReplayName: &c.Name, EventSourceArn: archive.ArchiveArn, EventStartTime: &c.Since, EventEndTime: &c.Until,
		Destination: &types.ReplayDestination{Arn: archive.EventSourceArn}}
	if c.Until.IsZero() {
		in.EventEndTime = &now
	}
	if c.Name == "" {
		in.ReplayName = aws.String(fmt.Sprintf("%.40s-%s", c.Archive, now.Format("20060102T150405.000Z")))
	}
	_, bus, _ := strings.Cut(aws.ToString(archive.EventSourceArn), "event-bus/")
	for _, name := range c.Rules {
		rule, err := client.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: &name, EventBusName: &bus})
		if err != nil {
			return nil, serviceError("replay", err)
		}
		in.Destination.FilterArns = append(in.Destination.FilterArns, aws.ToString(rule.Arn))
	}
	return in, nil
}

func (s *session) awaitReplay(client *eventbridge.Client, name string) error {
	for {
		now, err := client.DescribeReplay(s.ctx, &eventbridge.DescribeReplayInput{ReplayName: &name})
		if err != nil {
			return serviceError("replay", err)
		}
		switch now.State {
		case types.ReplayStateCompleted:
			return s.printReplay(now)
		case types.ReplayStateCancelled, types.ReplayStateFailed:
			return errors.Join(s.printReplay(now), errFindings)
		}
		select {
		case <-s.ctx.Done():
			s.print.note("the replay continues; to cancel it: aws events cancel-replay --replay-name %s", name)
			return nil
		case <-time.After(replayPoll):
		}
	}
}

func (s *session) printReplay(r *eventbridge.DescribeReplayOutput) error {
	shown := struct {
		Name  string    `json:"name"`
		State string    `json:"state"`
		Last  time.Time `json:"last,omitzero"` // the time of the newest event sent
	}{aws.ToString(r.ReplayName), string(r.State), aws.ToTime(r.EventLastReplayedTime)}
	if done, err := s.print.printJSON(shown); done {
		return err
	}
	last := ""
	if !shown.Last.IsZero() {
		last = ", the newest event of " + shown.Last.UTC().Format(time.RFC3339)
	}
	s.print.line("replay %s: %s%s", s.print.bold(shown.Name), strings.ToLower(shown.State), last)
	return nil
}

// newEventBridge returns a client of the server at an endpoint.
func newEventBridge(endpoint string, o ...func(*eventbridge.Options)) *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{
		BaseEndpoint: aws.String(endpoint), Region: names.LocalRegion, Credentials: localCredentials,
	}, o...)
}

// serviceError returns the error of a service without the text that the SDK adds.
func serviceError(op string, err error) error {
	if answered, ok := errors.AsType[smithy.APIError](err); ok {
		return fault.Errorf(fault.Invalid, "%s: %s", answered.ErrorCode(), answered.ErrorMessage())
	}
	return fault.Wrap(op, fault.Unavailable, err)
}
