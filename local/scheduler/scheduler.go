package scheduler

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // a container may have no zones of its own

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/schedule"
)

// The buckets that the file must have.
const (
	BucketSchedules = "schedules"      // group, /, name
	BucketGroups    = "schedulegroups" // name
)

// Options say where the schedules are and what becomes of those that fall due.
type Options struct {
	Account, Region string
	Now             func() time.Time
	// Fire takes what fell due and makes it durable, together with the writes.
	Fire func(ctx context.Context, due []Due, along []datafile.Write) error
}

// Due is a schedule that fell due.
type Due struct {
	ARN    string
	Target Target
	At     time.Time // when it fell due
	Start  time.Time // when to begin: later than At within a flexible window
}

// Schedules are the schedules of one account and region.
type Schedules struct {
	opts Options
	file *datafile.File

	mu      sync.Mutex
	entries map[string]*entry // by group/name
	groups  map[string]*group
}

// entry is a schedule. One is not changed but replaced.
type entry struct {
	CreateScheduleInput

	Group    string       `json:"group"`
	Created  awsjson.Time `json:"created"`
	Modified awsjson.Time `json:"modified"`
	Done     bool         `json:"done,omitempty"` // one of a single time that has been

	when schedule.Schedule
	zone *time.Location
}

// Open brings the schedules of a file into memory.
func Open(file *datafile.File, opts Options) (*Schedules, error) {
	s := &Schedules{opts: opts, file: file, entries: map[string]*entry{}, groups: map[string]*group{}}
	s.groups[defaultGroup] = &group{Name: defaultGroup, Created: awsjson.Time{Time: opts.Now()}}
	err := file.Each(BucketGroups, nil, func(_, record []byte) (bool, error) {
		one := &group{}
		err := json.Unmarshal(record, one)
		s.groups[one.Name] = one
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return s, file.Each(BucketSchedules, nil, func(key, record []byte) (bool, error) {
		e := &entry{}
		if err := json.Unmarshal(record, e); err != nil {
			return false, err
		}
		s.entries[string(key)] = e
		return true, e.compile()
	})
}

// Operations are those that are served.
func (s *Schedules) Operations() []restjson.Operation {
	return []restjson.Operation{
		restjson.Op("POST /schedules/{Name}", "CreateSchedule", s.CreateSchedule),
		restjson.Op("GET /schedules/{Name}", "GetSchedule", s.GetSchedule),
		restjson.Op("PUT /schedules/{Name}", "UpdateSchedule", s.UpdateSchedule),
		restjson.Op("DELETE /schedules/{Name}", "DeleteSchedule", s.DeleteSchedule),
		restjson.Op("GET /schedules", "ListSchedules", s.ListSchedules),
		restjson.Op("POST /schedule-groups/{Name}", "CreateScheduleGroup", s.CreateScheduleGroup),
		restjson.Op("GET /schedule-groups/{Name}", "GetScheduleGroup", s.GetScheduleGroup),
		restjson.Op("DELETE /schedule-groups/{Name}", "DeleteScheduleGroup", s.DeleteScheduleGroup),
		restjson.Op("GET /schedule-groups", "ListScheduleGroups", s.ListScheduleGroups),
		restjson.Op("POST /tags/{ResourceArn}", "TagResource", s.TagResource),
		restjson.Op("DELETE /tags/{ResourceArn}", "UntagResource", s.UntagResource),
		restjson.Op("GET /tags/{ResourceArn}", "ListTagsForResource", s.ListTagsForResource),
	}
}

// Register adds the operations to a mux.
func (s *Schedules) Register(mux *http.ServeMux, log *slog.Logger) {
	restjson.Register(mux, log, s.Operations()...)
}

func (s *Schedules) arn(resource string) string {
	return "arn:aws:scheduler:" + s.opts.Region + ":" + s.opts.Account + ":" + resource
}

func (e *entry) key() string { return e.Group + "/" + e.Name }

func (s *Schedules) scheduleARN(e *entry) string { return s.arn("schedule/" + e.key()) }

// compile reads expression and time zone; the error is AWS's.
func (e *entry) compile() (err error) {
	if e.when, err = schedule.ParseScheduler(e.ScheduleExpression); err != nil {
		return awsjson.Errorf("ValidationException", "Invalid Schedule Expression %s.", e.ScheduleExpression)
	}
	if e.zone, err = time.LoadLocation(e.ScheduleExpressionTimezone); err != nil || e.ScheduleExpressionTimezone == "Local" {
		return awsjson.Errorf("ValidationException", "Invalid ScheduleExpressionTimezone %s.", e.ScheduleExpressionTimezone)
	}
	return nil
}

// check finds what AWS refuses beyond the shape.
func (e *entry) check() error {
	flexible := e.FlexibleTimeWindow.Mode == "FLEXIBLE"
	switch {
	case flexible != (e.FlexibleTimeWindow.MaximumWindowInMinutes != nil):
		return awsjson.Errorf("ValidationException", "MaximumWindowInMinutes must be given if, and only if, the mode is FLEXIBLE.")
	case e.StartDate != nil && e.EndDate != nil && !e.StartDate.Before(e.EndDate.Time):
		return awsjson.Errorf("ValidationException", "The StartDate must come before the EndDate.")
	case schedule.Once(e.when) && (e.StartDate != nil || e.EndDate != nil):
		return awsjson.Errorf("ValidationException", "A one-time schedule takes neither StartDate nor EndDate.")
	case e.Target.Input != "" && len(e.Target.Input) > 256<<10:
		return awsjson.Errorf("ValidationException", "The target's Input is longer than 256 KB.")
	}
	return nil
}

func groupOf(name string) string {
	if name == "" {
		return defaultGroup
	}
	return name
}

// CreateSchedule makes a schedule.
func (s *Schedules) CreateSchedule(ctx context.Context, in *CreateScheduleInput) (*CreateScheduleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := awsjson.Time{Time: s.opts.Now()}
	e := &entry{CreateScheduleInput: *in, Group: groupOf(in.GroupName), Created: now, Modified: now}
	if _, err := s.findGroup(e.Group); err != nil {
		return nil, err
	}
	if have := s.entries[e.key()]; have != nil {
		if in.ClientToken != "" && in.ClientToken == have.ClientToken {
			return &CreateScheduleOutput{ScheduleArn: s.scheduleARN(have)}, nil
		}
		return nil, &awsjson.Error{Code: "ConflictException", Status: http.StatusConflict, Message: "Schedule " + in.Name + " already exists."}
	}
	if err := s.put(ctx, e); err != nil {
		return nil, err
	}
	return &CreateScheduleOutput{ScheduleArn: s.scheduleARN(e)}, nil
}

// put checks a schedule, writes it to disk and then puts it in place. The lock
// is held.
func (s *Schedules) put(ctx context.Context, e *entry) error {
	if e.State == "" {
		e.State = "ENABLED"
	}
	if e.ActionAfterCompletion == "" {
		e.ActionAfterCompletion = "NONE"
	}
	if e.ScheduleExpressionTimezone == "" {
		e.ScheduleExpressionTimezone = "UTC"
	}
	e.Target = e.Target.withRetryPolicy()
	if err := e.compile(); err != nil {
		return err
	}
	if err := e.check(); err != nil {
		return err
	}
	w, err := s.write(e)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{w}); err != nil {
		return err
	}
	s.entries[e.key()] = e
	return nil
}

func (s *Schedules) write(e *entry) (datafile.Write, error) {
	record, err := json.Marshal(e)
	return s.file.Put(BucketSchedules, []byte(e.key()), record), err
}

func (s *Schedules) find(group, name string) (*entry, error) {
	if e := s.entries[groupOf(group)+"/"+name]; e != nil {
		return e, nil
	}
	return nil, notFound("Schedule " + name)
}

// GetSchedule tells all of a schedule.
func (s *Schedules) GetSchedule(_ context.Context, in *GetScheduleInput) (*GetScheduleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	return &GetScheduleOutput{ActionAfterCompletion: e.ActionAfterCompletion, Arn: s.scheduleARN(e), CreationDate: &e.Created,
		Description: e.Description, EndDate: e.EndDate, FlexibleTimeWindow: e.FlexibleTimeWindow, GroupName: e.Group,
		LastModificationDate: &e.Modified, Name: e.Name, ScheduleExpression: e.ScheduleExpression,
		ScheduleExpressionTimezone: e.ScheduleExpressionTimezone, StartDate: e.StartDate, State: e.State, Target: e.Target}, nil
}

// UpdateSchedule replaces all of a schedule: what is left out gets its default.
func (s *Schedules) UpdateSchedule(ctx context.Context, in *UpdateScheduleInput) (*UpdateScheduleOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.find(in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	e := &entry{CreateScheduleInput: CreateScheduleInput(*in), Group: old.Group, Created: old.Created, Modified: awsjson.Time{Time: s.opts.Now()}}
	if err := s.put(ctx, e); err != nil {
		return nil, err
	}
	return &UpdateScheduleOutput{ScheduleArn: s.scheduleARN(e)}, nil
}

// DeleteSchedule removes a schedule.
func (s *Schedules) DeleteSchedule(ctx context.Context, in *DeleteScheduleInput) (*awsjson.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.find(in.GroupName, in.Name)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(BucketSchedules, []byte(e.key()))}); err != nil {
		return nil, err
	}
	delete(s.entries, e.key())
	return nil, nil
}

// ListSchedules lists schedules by group and name.
func (s *Schedules) ListSchedules(_ context.Context, in *ListSchedulesInput) (*ListSchedulesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	matching := map[string]*entry{}
	for key, e := range s.entries {
		if (in.GroupName == "" || in.GroupName == e.Group) && (in.State == "" || in.State == e.State) &&
			strings.HasPrefix(e.Name, in.NamePrefix) {
			matching[key] = e
		}
	}
	keys, next, err := awsjson.Page(matching, "", in.NextToken, in.MaxResults)
	out := &ListSchedulesOutput{Schedules: []scheduleSummary{}, NextToken: next}
	for _, key := range keys {
		e := matching[key]
		out.Schedules = append(out.Schedules, scheduleSummary{Arn: s.scheduleARN(e), CreationDate: &e.Created, GroupName: e.Group,
			LastModificationDate: &e.Modified, Name: e.Name, State: e.State, Target: &targetSummary{Arn: e.Target.Arn}})
	}
	return out, err
}

// Tick fires what fell due after one time and until another.
func (s *Schedules) Tick(ctx context.Context, after, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []Due
	var writes []datafile.Write
	var done []*entry
	for _, e := range s.entries {
		for _, at := range e.due(after, until) {
			due = append(due, Due{ARN: s.scheduleARN(e), Target: *e.Target, At: at, Start: at.Add(e.window())})
			if schedule.Once(e.when) {
				done = append(done, e)
			}
		}
	}
	if len(due) == 0 {
		return nil
	}
	for _, e := range done {
		if e.ActionAfterCompletion == "DELETE" {
			writes = append(writes, s.file.Remove(BucketSchedules, []byte(e.key())))
			continue
		}
		w, err := s.write(e.completed())
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	if err := s.opts.Fire(ctx, due, writes); err != nil {
		return err
	}
	for _, e := range done {
		if e.ActionAfterCompletion == "DELETE" {
			delete(s.entries, e.key())
		} else {
			s.entries[e.key()] = e.completed()
		}
	}
	return nil
}

func (e *entry) completed() *entry {
	done := *e
	done.Done = true
	return &done
}

// due are the times at which a schedule fell due.
func (e *entry) due(after, until time.Time) []time.Time {
	if e.State != "ENABLED" || e.Done {
		return nil
	}
	if schedule.Once(e.when) {
		// Not after a time, but after it was last changed: one that fell due while nobody
		// ran is made up for.
		if at, ok := e.when.Next(e.Modified.Time, e.Modified.Time, e.zone); ok && !at.After(until) {
			return []time.Time{at}
		}
		return nil
	}
	anchor := e.Created.Time
	if e.StartDate != nil {
		anchor = e.StartDate.Time
		if after.Before(anchor) {
			after = anchor.Add(-time.Nanosecond)
		}
	}
	if e.EndDate != nil && until.After(e.EndDate.Time) {
		until = e.EndDate.Time
	}
	return schedule.Between(e.when, anchor, after, until, e.zone)
}

// window is a random time within the flexible window.
func (e *entry) window() time.Duration {
	if e.FlexibleTimeWindow.MaximumWindowInMinutes == nil {
		return 0
	}
	return rand.N(time.Duration(*e.FlexibleTimeWindow.MaximumWindowInMinutes) * time.Minute)
}
