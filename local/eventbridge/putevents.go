package eventbridge

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
)

// PutEventsInput and its members have AWS's shapes.
type PutEventsInput struct {
	Entries    []PutEventsRequestEntry `json:"Entries" aws:"required,min=1,max=10"`
	EndpointId string                  `json:"EndpointId,omitempty" aws:"min=1,max=50,pattern=^[A-Za-z0-9\\-]+[\\.][A-Za-z0-9\\-]+$"`
}

type PutEventsRequestEntry struct {
	Time         *awsjson.Time `json:"Time,omitempty"`
	Source       string        `json:"Source,omitempty"`
	Resources    []string      `json:"Resources,omitempty" each:"max=2048"`
	DetailType   string        `json:"DetailType,omitempty"`
	Detail       string        `json:"Detail,omitempty"`
	EventBusName string        `json:"EventBusName,omitempty" aws:"min=1,max=1600,pattern=(arn:aws[\\w-]*:events:[a-z]+-[a-z]+-[\\w-]+:[0-9]{12}:event-bus\\/)?[\\.\\-_A-Za-z0-9]+"`
	TraceHeader  string        `json:"TraceHeader,omitempty" aws:"min=1,max=500"`

	_ struct{} `null:"kmsKeyIdentifier,internalMetadata"` // in AWS's messages
}

type PutEventsOutput struct {
	FailedEntryCount int                    `json:"FailedEntryCount"`
	Entries          []putEventsResultEntry `json:"Entries"`
}

type putEventsResultEntry struct {
	EventId      string `json:"EventId,omitempty"`
	ErrorCode    string `json:"ErrorCode,omitempty"`
	ErrorMessage string `json:"ErrorMessage,omitempty"`
}

// timeBytes is the size that EventBridge counts for the time of an entry.
const timeBytes = 14

// PutEvents stores events as EventBridge does: each entry has its own result, and
// the accepted events are durable before the call returns. An error means that no
// event was accepted.
func (s *Service) PutEvents(ctx context.Context, in *PutEventsInput) (*PutEventsOutput, error) {
	if err := checkTotal(in.Entries); err != nil {
		return nil, err
	}
	now, account := s.opts.Now(), cmp.Or(awsjson.CallerAccount(ctx), s.opts.Account)
	out := &PutEventsOutput{Entries: make([]putEventsResultEntry, len(in.Entries))}
	taken := make([]*incoming, 0, len(in.Entries))
	for i := range in.Entries {
		a, refused := s.accept(&in.Entries[i], account, now)
		if refused != nil {
			out.FailedEntryCount++
			out.Entries[i] = putEventsResultEntry{ErrorCode: refused.Code, ErrorMessage: refused.Message}
			continue
		}
		taken = append(taken, a)
		out.Entries[i].EventId = a.event.ID
	}
	err := s.ingest(ctx, taken)
	if err != nil {
		if fault.Is(err, fault.Unavailable) && ctx.Err() == nil {
			s.refused.Store(now.UnixNano())
		}
		return nil, err
	}
	s.refused.Store(0)
	return out, nil
}

// OutOfSpace reports whether events were rejected within the last minute because
// they could not be stored, and no event has been stored since.
func (s *Service) OutOfSpace() bool {
	at := s.refused.Load()
	return at != 0 && s.opts.Now().Sub(time.Unix(0, at)) < time.Minute
}

// checkTotal returns the error of a call whose entries have too many bytes in all.
func checkTotal(entries []PutEventsRequestEntry) error {
	size := 0
	for i := range entries {
		size += entries[i].size()
	}
	if size > events.MaxBytes {
		return awsjson.Errorf("ValidationException", "Total size of the entries in the request is over the limit.")
	}
	return nil
}

func (e *PutEventsRequestEntry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		n += timeBytes
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

// missing returns the error for the first required argument that the entry lacks.
func (e *PutEventsRequestEntry) missing() *awsjson.Error {
	for _, arg := range []struct{ name, value string }{
		{"Source", e.Source}, {"DetailType", e.DetailType}, {"Detail", e.Detail},
	} {
		if arg.value == "" {
			return awsjson.Errorf("InvalidArgument", "Parameter %s is not valid. Reason: %s is a required argument.", arg.name, arg.name)
		}
	}
	return nil
}

// incoming is an event that is being accepted, parsed for matching.
type incoming struct {
	event  Event
	bus    string // its name, where it is a bus of this account and region
	parsed *pattern.Event

	// only, where it is set, is the rule whose targets get the event, without
	// matching: a schedule's.
	only *rule

	filter   []string   // the ARNs of the rules that may match; all where it is empty
	archived []*archive // the archives that store it
}

// accept returns the event that targets get for an entry, or the error code and
// message that EventBridge returns for it. account is the sender's.
func (s *Service) accept(e *PutEventsRequestEntry, account string, now time.Time) (*incoming, *awsjson.Error) {
	if missing := e.missing(); missing != nil {
		return nil, missing
	}
	if strings.HasPrefix(e.Source, "aws.") {
		return nil, awsjson.Errorf("NotAuthorizedForSourceException", "Not authorized for the source.")
	}
	if len([]rune(e.DetailType)) > events.MaxDetailType {
		return nil, awsjson.Errorf("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType must have at most %d characters.", events.MaxDetailType)
	}
	arn, bus, err := s.resolveBus(e.EventBusName)
	if err != nil {
		return nil, awsjson.Errorf("InvalidArgument", "Parameter EventBusName is not valid. Reason: Provided Arn is not in correct format.")
	}
	if account != s.opts.Account {
		if err := s.authorize(account, arn, bus, e); err != nil {
			return nil, err
		}
	}
	detail, ok := compactObject(e.Detail)
	if !ok {
		return nil, awsjson.Errorf("MalformedDetail", "Detail is malformed.")
	}
	at := now
	if e.Time != nil {
		at = e.Time.Time
	}
	id := awsjson.NewID()
	body := buildEvent(&eventFields{id: id, source: e.Source, detailType: e.DetailType,
		account: account, region: s.opts.Region, time: at, resources: e.Resources, detail: detail})
	a := &incoming{bus: bus, event: Event{ID: id, Bus: arn, Time: at, Received: now, Trace: e.TraceHeader, JSON: body}}
	if err := a.parse(); err != nil {
		return nil, awsjson.Errorf("MalformedDetail", "Detail is malformed.")
	}
	return a, nil
}

func (a *incoming) parse() (err error) {
	a.parsed, err = pattern.Parse(a.event.JSON)
	return err
}

// compactObject returns text without white space, and false if it is not one JSON
// object. As on AWS, names may repeat and numbers may have any length.
func compactObject(text string) (jsontext.Value, bool) {
	v := jsontext.Value(text)
	if err := v.Compact(jsontext.AllowDuplicateNames(true)); err != nil || v.Kind() != '{' {
		return nil, false
	}
	return v, true
}

// ingest stores events together with their delivery tasks and other writes, all or
// none, and then queues the tasks.
func (s *Service) ingest(ctx context.Context, events []*incoming, along ...datafile.Write) error {
	if len(events)+len(along) == 0 {
		return nil
	}
	writes := append(make([]datafile.Write, 0, 2*len(events)+len(along)), along...)
	var tasks []*delivery.Task
	for _, a := range events {
		a.event.Seq = s.opts.Sequence.Next()
		made, kept := s.route(a)
		writes = append(writes, kept...)
		event, err := s.events.write(&a.event)
		if err != nil {
			return err
		}
		writes = append(writes, event)
		for _, t := range made {
			w, err := s.opts.Deliveries.Write(t)
			if err != nil {
				return err
			}
			writes = append(writes, w)
		}
		tasks = append(tasks, made...)
	}
	if err := s.file.Commit(ctx, writes); err != nil {
		return err
	}
	s.archives.count(events)
	for _, t := range tasks {
		t.Due = t.Due.Add(s.opts.Chaos.Wait())
	}
	s.opts.Deliveries.Add(tasks...)
	s.events.stored.Raise()
	return nil
}
