package eventbridge

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type replayDestination struct {
	Arn        string   `json:"Arn" aws:"required,min=1,max=1600"`
	FilterArns []string `json:"FilterArns,omitempty" each:"min=1,max=1600"`
}

type StartReplayInput struct {
	ReplayName     string             `json:"ReplayName" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description    string             `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	EventSourceArn string             `json:"EventSourceArn" aws:"required,min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:.+\\/.+$"`
	EventStartTime *awsjson.Time      `json:"EventStartTime" aws:"required"`
	EventEndTime   *awsjson.Time      `json:"EventEndTime" aws:"required"`
	Destination    *replayDestination `json:"Destination" aws:"required"`
}

type StartReplayOutput struct {
	ReplayArn       string        `json:"ReplayArn,omitempty"`
	State           string        `json:"State,omitempty"`
	StateReason     string        `json:"StateReason,omitempty"`
	ReplayStartTime *awsjson.Time `json:"ReplayStartTime,omitempty"`
}

type CancelReplayInput struct {
	ReplayName string `json:"ReplayName" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type CancelReplayOutput struct {
	ReplayArn   string `json:"ReplayArn,omitempty"`
	State       string `json:"State,omitempty"`
	StateReason string `json:"StateReason,omitempty"`
}

type DescribeReplayInput struct {
	ReplayName string `json:"ReplayName" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DescribeReplayOutput struct {
	ReplayName            string             `json:"ReplayName,omitempty"`
	ReplayArn             string             `json:"ReplayArn,omitempty"`
	Description           string             `json:"Description,omitempty"`
	State                 string             `json:"State,omitempty"`
	StateReason           string             `json:"StateReason,omitempty"`
	EventSourceArn        string             `json:"EventSourceArn,omitempty"`
	Destination           *replayDestination `json:"Destination,omitempty"`
	EventStartTime        *awsjson.Time      `json:"EventStartTime,omitempty"`
	EventEndTime          *awsjson.Time      `json:"EventEndTime,omitempty"`
	EventLastReplayedTime *awsjson.Time      `json:"EventLastReplayedTime,omitempty"`
	ReplayStartTime       *awsjson.Time      `json:"ReplayStartTime,omitempty"`
	ReplayEndTime         *awsjson.Time      `json:"ReplayEndTime,omitempty"`
}

type ListReplaysInput struct {
	NamePrefix     string `json:"NamePrefix,omitempty" aws:"min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	State          string `json:"State,omitempty" aws:"enum=STARTING|RUNNING|CANCELLING|COMPLETED|CANCELLED|FAILED"`
	EventSourceArn string `json:"EventSourceArn,omitempty" aws:"min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:.+\\/.+$"`
	NextToken      string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit          *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type replaySummary struct {
	ReplayName            string        `json:"ReplayName,omitempty"`
	EventSourceArn        string        `json:"EventSourceArn,omitempty"`
	State                 string        `json:"State,omitempty"`
	StateReason           string        `json:"StateReason,omitempty"`
	EventStartTime        *awsjson.Time `json:"EventStartTime,omitempty"`
	EventEndTime          *awsjson.Time `json:"EventEndTime,omitempty"`
	EventLastReplayedTime *awsjson.Time `json:"EventLastReplayedTime,omitempty"`
	ReplayStartTime       *awsjson.Time `json:"ReplayStartTime,omitempty"`
	ReplayEndTime         *awsjson.Time `json:"ReplayEndTime,omitempty"`
}

type ListReplaysOutput struct {
	Replays   []replaySummary `json:"Replays"`
	NextToken string          `json:"NextToken,omitempty"`
}

// replay sends the events of an archive to their bus again. Its progress is
// committed together with the events that it sends, so that a crash neither omits
// nor repeats an event.
type replay struct {
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Archive     string             `json:"archive"` // its name
	Destination *replayDestination `json:"destination"`
	From        awsjson.Time       `json:"from"`
	Until       awsjson.Time       `json:"until"`
	State       string             `json:"state"`
	Started     awsjson.Time       `json:"started"`
	Ended       *awsjson.Time      `json:"ended,omitempty"`
	Last        *awsjson.Time      `json:"last,omitempty"` // of the newest event sent
	Next        []byte             `json:"next"`           // the key to continue from
}

const (
	replayStarting   = "STARTING"
	replayRunning    = "RUNNING"
	replayCancelling = "CANCELLING"
	replayCancelled  = "CANCELLED"
	replayCompleted  = "COMPLETED"
)

func (s *Service) replayARN(name string) string { return s.arn("events", "replay/"+name) }

func (s *Service) loadReplays() error {
	s.catalog.replays = map[string]*replay{}
	return s.file.Each(bucketReplays, nil, func(_, record []byte) (bool, error) {
		r := &replay{}
		err := json.Unmarshal(record, r)
		s.catalog.replays[r.Name] = r
		return true, err
	})
}

// StartReplay sends the archived events of a time range, selected by the time of
// the event, to the bus that they came from.
func (s *Service) StartReplay(ctx context.Context, in *StartReplayInput) (*StartReplayOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	name, ok := strings.CutPrefix(in.EventSourceArn, s.archiveARN(""))
	if !ok {
		return nil, awsjson.Errorf("ValidationException", "Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN.")
	}
	one := s.archives.byName[name]
	if one == nil {
		return nil, awsjson.Errorf("ValidationException", "Parameter EventSourceArn is not valid. Reason: Archive %s does not exist.", awsjson.Clip(name))
	}
	bus, ok := strings.CutPrefix(in.Destination.Arn, s.busARN(""))
	if !ok {
		return nil, awsjson.Errorf("ValidationException", "Parameter Destination.Arn is not valid. Reason: Must contain an event bus ARN.")
	}
	if _, err := s.findBus(bus); err != nil {
		return nil, err
	}
	switch {
	case !in.EventStartTime.Before(in.EventEndTime.Time):
		return nil, awsjson.Errorf("ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	case bus != one.Bus:
		return nil, awsjson.Errorf("ValidationException", "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	case s.catalog.replays[in.ReplayName] != nil:
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "Replay %s already exists.", in.ReplayName)
	case s.catalog.activeReplays() >= maxActiveReplays:
		return nil, awsjson.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	r := &replay{Name: in.ReplayName, Description: in.Description, Archive: one.Name, Destination: in.Destination,
		From: *in.EventStartTime, Until: *in.EventEndTime, State: replayStarting, Started: awsjson.Time{Time: s.opts.Now()},
		Next: archivedKey(one.Name, in.EventStartTime.Time, 0)}
	if err := s.keepReplay(ctx, r); err != nil {
		return nil, err
	}
	s.replayAsked.Raise()
	return &StartReplayOutput{ReplayArn: s.replayARN(r.Name), State: r.State, ReplayStartTime: &r.Started}, nil
}

// maxActiveReplays is how many replays may be starting or running.
const maxActiveReplays = 10

func (c *catalog) activeReplays() (n int) {
	for _, r := range c.replays {
		if r.active() {
			n++
		}
	}
	return n
}

func (s *Service) replayWrite(r *replay) (datafile.Write, error) {
	record, err := json.Marshal(r)
	return s.file.Put(bucketReplays, []byte(r.Name), record), err
}

// keepReplay writes a replay to disk and puts it into the catalog, which is
// locked.
func (s *Service) keepReplay(ctx context.Context, r *replay) error {
	w, err := s.replayWrite(r)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{w}); err != nil {
		return err
	}
	s.catalog.replays[r.Name] = r
	return nil
}

func (s *Service) findReplay(name string) (*replay, error) {
	if r := s.catalog.replays[name]; r != nil {
		return r, nil
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Replay %s does not exist.", awsjson.Clip(name))
}

// CancelReplay stops a replay that has not ended.
func (s *Service) CancelReplay(ctx context.Context, in *CancelReplayInput) (*CancelReplayOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.findReplay(in.ReplayName)
	if err != nil {
		return nil, err
	}
	if !old.active() {
		return nil, awsjson.Errorf("IllegalStatusException", "Replay %s is not in a valid state for this operation.", in.ReplayName)
	}
	r := *old
	r.State = replayCancelling
	if err := s.keepReplay(ctx, &r); err != nil {
		return nil, err
	}
	s.replayAsked.Raise()
	return &CancelReplayOutput{ReplayArn: s.replayARN(r.Name), State: r.State}, nil
}

func (r *replay) active() bool { return r.State == replayStarting || r.State == replayRunning }

// DescribeReplay returns the progress of a replay.
func (s *Service) DescribeReplay(_ context.Context, in *DescribeReplayInput) (*DescribeReplayOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	r, err := s.findReplay(in.ReplayName)
	if err != nil {
		return nil, err
	}
	return &DescribeReplayOutput{ReplayName: r.Name, ReplayArn: s.replayARN(r.Name), Description: r.Description, State: r.State,
		EventSourceArn: s.archiveARN(r.Archive), Destination: r.Destination, EventStartTime: &r.From, EventEndTime: &r.Until,
		EventLastReplayedTime: r.Last, ReplayStartTime: &r.Started, ReplayEndTime: r.Ended}, nil
}

// ListReplays lists replays by name. As on AWS, it takes at most one filter.
func (s *Service) ListReplays(_ context.Context, in *ListReplaysInput) (*ListReplaysOutput, error) {
	if err := oneFilter("ListReplays", in.State, in.EventSourceArn, in.NamePrefix); err != nil {
		return nil, err
	}
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	matching := map[string]*replay{}
	for name, r := range s.catalog.replays {
		if (in.State == "" || in.State == r.State) && (in.EventSourceArn == "" || in.EventSourceArn == s.archiveARN(r.Archive)) {
			matching[name] = r
		}
	}
	names, next, err := awsjson.Page(matching, in.NamePrefix, in.NextToken, in.Limit)
	out := &ListReplaysOutput{Replays: []replaySummary{}, NextToken: next}
	for _, name := range names {
		r := matching[name]
		out.Replays = append(out.Replays, replaySummary{ReplayName: name, EventSourceArn: s.archiveARN(r.Archive), State: r.State,
			EventStartTime: &r.From, EventEndTime: &r.Until, EventLastReplayedTime: r.Last, ReplayStartTime: &r.Started, ReplayEndTime: r.Ended})
	}
	return out, err
}

// runReplays runs the replays, one after another, until ctx ends.
func (s *Service) runReplays(ctx context.Context) {
	for ctx.Err() == nil {
		asked := s.replayAsked.Wait()
		r := s.nextReplay()
		if r == nil {
			select {
			case <-ctx.Done():
			case <-asked:
			}
			continue
		}
		if r.State != replayRunning {
			wait(ctx, replayPause)
			r = s.replayNow(r.Name)
		}
		if err := s.replayBatch(ctx, r); err != nil && ctx.Err() == nil {
			s.opts.Log.Error("a replay failed; it will be retried", "replay", r.Name, "error", err)
			wait(ctx, time.Second)
		}
	}
}

// replayPause is how long a replay remains STARTING or CANCELLING. AWS takes
// minutes; this is long enough for a script to cancel a replay and to see the state.
const replayPause = 300 * time.Millisecond

// wait returns after d, or when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// replayNow returns a copy of a replay that exists.
func (s *Service) replayNow(name string) *replay {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	r := *s.catalog.replays[name]
	return &r
}

// nextReplay returns a copy of a replay that has not ended, or nil.
func (s *Service) nextReplay() *replay {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	for _, name := range sortedKeys(s.catalog.replays) {
		if r := s.catalog.replays[name]; r.active() || r.State == replayCancelling {
			next := *r
			return &next
		}
	}
	return nil
}

// replayBatch sends some events of a replay and stores its progress in the same
// commit.
func (s *Service) replayBatch(ctx context.Context, r *replay) error {
	const most = 100
	var batch []*incoming
	ended := r.State == replayCancelling
	if !ended {
		next := r.Next
		err := s.file.Each(bucketArchived, r.Next, func(key, event []byte) (bool, error) {
			if !inArchive(r.Archive, key) || !archivedTime(r.Archive, key).Before(r.Until.Time) {
				ended = true
				return false, nil
			}
			if len(batch) == most {
				return false, nil
			}
			at := archivedTime(r.Archive, key)
			next, r.Last = append(key, 0), &awsjson.Time{Time: at}
			a, err := s.reparse(withReplayName(event, r.Name), r.Destination.Arn, strings.TrimPrefix(r.Destination.Arn, s.busARN("")))
			if err != nil {
				return false, err
			}
			a.event.Replay, a.filter = r.Name, r.Destination.FilterArns
			batch = append(batch, a)
			return true, nil
		})
		if err != nil {
			return err
		}
		ended = ended || len(batch) < most
		r.Next = next
	}
	switch {
	case r.State == replayCancelling:
		r.State = replayCancelled
	case ended:
		r.State = replayCompleted
	default:
		r.State = replayRunning
	}
	if ended {
		r.Ended = &awsjson.Time{Time: s.opts.Now()}
	}
	w, err := s.replayWrite(r)
	if err != nil {
		return err
	}
	if err := s.ingest(ctx, batch, w); err != nil {
		return err
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if now := s.catalog.replays[r.Name]; now.State == replayCancelling && r.active() {
		r.State = replayCancelling // requested meanwhile
	}
	s.catalog.replays[r.Name] = r
	return nil
}

// withReplayName adds the member that marks a replayed event.
func withReplayName(event []byte, name string) []byte {
	out := append(slices.Clone(event[:len(event)-1]), `,"replay-name":`...)
	out, _ = jsontext.AppendQuote(out, name)
	return append(out, '}')
}
