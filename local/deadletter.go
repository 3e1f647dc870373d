package local

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
)

// A DeadLetter is a delivery that was given up. Record is what Lambda hands to
// a function's on-failure destination; it holds the event, and so perhaps an
// API key.
type DeadLetter struct {
	ID     string           `json:"id"`
	Event  uint64           `json:"event,omitempty"` // the Seq of the event
	Rule   string           `json:"rule,omitempty"`
	Target string           `json:"target"` // its ARN
	Record InvocationRecord `json:"record"`
}

// InvocationRecord is Lambda's record of a failed asynchronous invocation.
type InvocationRecord struct {
	Version        string         `json:"version"`
	Timestamp      string         `json:"timestamp"` // RFC 3339 with milliseconds
	RequestContext RequestContext `json:"requestContext"`
	RequestPayload jsontext.Value `json:"requestPayload,omitzero"`
	// ResponseContext and ResponsePayload are absent where nothing was invoked.
	ResponseContext *ResponseContext `json:"responseContext,omitzero"`
	ResponsePayload jsontext.Value   `json:"responsePayload,omitzero"`
}

// RequestContext says which invocation failed and why it was given up:
// RetriesExhausted or EventAgeExceeded, or EventBridge's error code where the
// event did not reach a function at all.
type RequestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// ResponseContext is what the last attempt came to.
type ResponseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

// deadLetter gives a task up: in one write it is a dead letter and no task any more.
// payload may be nil, then it is read.
func (s *Server) deadLetter(t *task, condition string, last failure, payload []byte) {
	if payload == nil {
		var err error
		if payload, err = s.payload(t); err != nil {
			s.log.Error("the event of a dead letter cannot be read; the delivery is tried again", "target", t.Target.Arn, "error", err)
			s.reschedule(t, time.Minute)
			return
		}
	}
	if !jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true)) {
		payload = quoted(string(payload)) // a record holds JSON alone
	}
	letter := DeadLetter{Event: t.key.seq, Rule: t.Rule, Target: t.Target.Arn, Record: InvocationRecord{
		Version: "1.0", Timestamp: s.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z"), RequestPayload: payload, ResponsePayload: last.document(),
		RequestContext: RequestContext{RequestID: t.ID, FunctionARN: t.Target.Arn + ":$LATEST",
			Condition: condition, ApproximateInvokeCount: t.Attempts},
	}}
	if t.Stage == stageInvoke {
		letter.Record.ResponseContext = &ResponseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"}
	}
	record, err := json.Marshal(&letter, jsontext.AllowDuplicateNames(true))
	if err != nil {
		s.log.Error("a dead letter cannot be written; the delivery is tried again", "target", t.Target.Arn, "error", err)
		s.reschedule(t, time.Minute)
		return
	}
	key := seqKey(s.seq.Add(1))
	s.settle <- settled{writes: []datafile.Write{s.file.Put(bucketDeadLetters, key, record), s.file.Remove(bucketTasks, t.key.bytes())}}
	s.log.Error("a delivery was given up and is a dead letter now; see the function's log, then retry it",
		"target", t.Target.Arn, "requestId", t.ID, "condition", condition, "attempts", t.Attempts, "errorType", last.Type)
}

// DeadLetters lists the deliveries that were given up, the oldest first.
func (s *Server) DeadLetters() ([]DeadLetter, error) {
	var letters []DeadLetter
	err := s.file.Each(bucketDeadLetters, nil, func(key, record []byte) (bool, error) {
		letter, err := decodeDeadLetter(key, record)
		letters = append(letters, letter)
		return true, err
	})
	return letters, err
}

// RetryDeadLetter sends a dead letter to its target once more, with all
// retries. It is a dead letter no more. The fault is NotFound.
func (s *Server) RetryDeadLetter(ctx context.Context, id string) error {
	key, letter, err := s.findDeadLetter(id)
	if err != nil {
		return err
	}
	now := s.opts.Now()
	t := &task{
		key: taskKey{seq: s.seq.Add(1)}, ID: letter.Record.RequestContext.RequestID, Rule: letter.Rule,
		Target: Target{Arn: letter.Target}, Stage: stageDeliver, Since: now, Due: now,
		Payload: letter.Record.RequestPayload, Event: letter.Event,
	}
	kept, err := s.keepTask(t)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{kept, s.file.Remove(bucketDeadLetters, key)}); err != nil {
		return err
	}
	s.queue.add(t)
	return nil
}

// DeleteDeadLetter forgets a dead letter for good. The fault is NotFound.
func (s *Server) DeleteDeadLetter(ctx context.Context, id string) error {
	key, _, err := s.findDeadLetter(id)
	if err != nil {
		return err
	}
	return s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketDeadLetters, key)})
}

func (s *Server) findDeadLetter(id string) (key []byte, letter DeadLetter, err error) {
	missing := fault.Errorf(fault.NotFound, "dead letter %q does not exist", clip(id))
	seq, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil, letter, missing
	}
	key = seqKey(seq)
	record, err := s.file.Get(bucketDeadLetters, key)
	if err != nil {
		return nil, letter, missing
	}
	letter, err = decodeDeadLetter(key, record)
	return key, letter, err
}

func decodeDeadLetter(key, record []byte) (DeadLetter, error) {
	var letter DeadLetter
	if err := json.Unmarshal(record, &letter, jsontext.AllowDuplicateNames(true)); err != nil || len(key) != 8 {
		return letter, fault.Errorf(fault.Internal, "a kept dead letter cannot be read")
	}
	letter.ID = strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
	return letter, nil
}
