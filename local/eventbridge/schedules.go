package eventbridge

import (
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/schedule"
	"github.com/blockforger/eventrouter/local/scheduler"
)

// FireRules sends the events of the scheduled rules that fell due after one time
// and until another.
func (s *Service) FireRules(ctx context.Context, after, until time.Time) {
	var due []*incoming
	s.catalog.mu.RLock()
	for _, r := range s.catalog.buses[defaultBus].rules {
		if r.when == nil || r.State == disabled {
			continue
		}
		for _, at := range schedule.Between(r.when, r.Created.Time, after, until, time.UTC) {
			due = append(due, s.scheduled(r, at))
		}
	}
	s.catalog.mu.RUnlock()
	if err := s.ingest(ctx, due); err != nil && ctx.Err() == nil {
		s.opts.Log.Error("scheduled events could not be kept and are lost", "events", len(due), "error", err)
	}
}

// scheduled returns the event that EventBridge creates when a rule is due.
func (s *Service) scheduled(r *rule, at time.Time) *incoming {
	id := awsjson.NewID()
	return &incoming{only: r, bus: r.Bus, event: Event{
		ID: id, Bus: s.busARN(r.Bus), Time: at, Received: s.opts.Now(),
		JSON: buildEvent(&eventFields{id: id, source: "aws.events", detailType: "Scheduled Event",
			account: s.opts.Account, region: s.opts.Region, time: at, resources: []string{r.ARN}, detail: []byte("{}")}),
	}}
}

// FireSchedules stores and queues the tasks of Scheduler's schedules that fell due,
// together with other writes. The schedule's ARN takes the place of a rule's.
func (s *Service) FireSchedules(ctx context.Context, due []scheduler.Due, along []datafile.Write) error {
	writes := along
	var tasks []*delivery.Task
	for i := range due {
		d := &due[i]
		t := &delivery.Task{
			Seq: s.opts.Sequence.Next(), ID: awsjson.NewID(), Rule: d.ARN, Target: schedulerTarget(&d.Target),
			Stage: delivery.StageDeliver, Since: d.Start, Due: d.Start,
		}
		t.SetInput(s.schedulerInput(d, t.ID))
		w, err := s.opts.Deliveries.Write(t)
		if err != nil {
			return err
		}
		writes = append(writes, w)
		tasks = append(tasks, t)
	}
	if err := s.file.Commit(ctx, writes); err != nil {
		return err
	}
	s.opts.Deliveries.Add(tasks...)
	return nil
}

// schedulerTarget returns Scheduler's target in the shape of a rule's.
func schedulerTarget(t *scheduler.Target) delivery.Target {
	target := delivery.Target{Id: "schedule", Arn: t.Arn, RoleArn: t.RoleArn}
	if p := t.RetryPolicy; p != nil {
		target.RetryPolicy = &delivery.RetryPolicy{MaximumRetryAttempts: p.MaximumRetryAttempts, MaximumEventAgeInSeconds: p.MaximumEventAgeInSeconds}
	}
	if t.DeadLetterConfig != nil {
		target.DeadLetterConfig = &delivery.DeadLetterConfig{Arn: t.DeadLetterConfig.Arn}
	}
	if t.SqsParameters != nil {
		target.SqsParameters = &delivery.SqsParameters{MessageGroupId: t.SqsParameters.MessageGroupId}
	}
	return target
}

// schedulerInput returns what the target gets: the schedule's Input with its
// variables replaced, or Scheduler's own event, whose detail is a string. A bus
// gets an event with the Input as its detail.
func (s *Service) schedulerInput(d *scheduler.Due, id string) jsontext.Value {
	at := d.At.UTC().Format("2006-01-02T15:04:05Z")
	input := strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", d.ARN,
		"<aws.scheduler.scheduled-time>", at,
		"<aws.scheduler.execution-id>", id,
		"<aws.scheduler.attempt-number>", "1",
	).Replace(d.Target.Input)
	fields := &eventFields{id: id, source: "aws.scheduler", detailType: "Scheduled Event", account: s.opts.Account,
		region: s.opts.Region, time: d.At, resources: []string{d.ARN}, detail: jsontext.Value(`"{}"`)}
	switch p := d.Target.EventBridgeParameters; {
	case p != nil:
		detail, ok := compactObject(input)
		if !ok {
			detail = jsontext.Value("{}")
		}
		fields.source, fields.detailType, fields.resources, fields.detail = p.Source, p.DetailType, nil, detail
	case input != "":
		return jsontext.Value(input)
	}
	return buildEvent(fields)
}
