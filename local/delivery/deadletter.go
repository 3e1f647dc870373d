package delivery

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

// A DeadLetter is a delivery that was given up. Record is what Lambda sends to a
// function's on-failure destination; it holds the event, and so possibly an API
// key.
type DeadLetter struct {
	ID     string `json:"id"`
	Event  uint64 `json:"event,omitempty"` // the Seq of the event
	Rule   string `json:"rule,omitempty"`
	Target string `json:"target"` // its ARN
	// SqsParameters are those of the target, for a retry.
	SqsParameters *SqsParameters   `json:"sqsParameters,omitzero"`
	Record        InvocationRecord `json:"record"`
}

// InvocationRecord is Lambda's record of a failed asynchronous invocation.
type InvocationRecord struct {
	Version        string         `json:"version"`
	Timestamp      string         `json:"timestamp"` // RFC 3339 with milliseconds
	RequestContext requestContext `json:"requestContext"`
	RequestPayload jsontext.Value `json:"requestPayload,omitzero"`
	// ResponseContext and ResponsePayload are absent if nothing was invoked.
	ResponseContext *responseContext `json:"responseContext,omitzero"`
	ResponsePayload jsontext.Value   `json:"responsePayload,omitzero"`
}

// requestContext says which invocation failed and why it was given up:
// RetriesExhausted or EventAgeExceeded, or EventBridge's error code if the event
// did not reach a function.
type requestContext struct {
	RequestID              string `json:"requestId"`
	FunctionARN            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// responseContext is the result of the last attempt.
type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError"`
}

// DeadLetters are the stored dead letters. They are safe for concurrent use.
type DeadLetters struct {
	file       *datafile.File
	dispatcher *Dispatcher // delivers those that are retried
}

// deadLetter gives a task up: one commit removes the task and stores the dead
// letter.
func (d *Dispatcher) deadLetter(t *Task, condition string, last *Failure) {
	w, err := d.letters.write(t, condition, last)
	if err != nil {
		d.Log.Error("a dead letter cannot be stored; the delivery will be retried", "target", t.Target.Arn, "error", err)
		d.reschedule(t, time.Minute)
		return
	}
	d.completer.add(completion{writes: []datafile.Write{w, d.file.Remove(BucketTasks, t.key())}})
	d.Log.Error("a delivery was given up and is a dead letter now; see the function's log, then retry it",
		"target", t.Target.Arn, "requestId", t.ID, "condition", condition, "attempts", t.Attempts, "errorType", last.Type)
}

// write returns the write that stores a dead letter.
func (l *DeadLetters) write(t *Task, condition string, last *Failure) (datafile.Write, error) {
	if err := l.dispatcher.ReadEvent.setBody(t); err != nil {
		return datafile.Write{}, err
	}
	payload := jsontext.Value(t.body)
	if !payload.IsValid(jsontext.AllowDuplicateNames(true)) {
		payload, _ = jsontext.AppendQuote(nil, t.body) // a record holds only JSON
	}
	letter := DeadLetter{Event: t.Seq, Rule: t.Rule, Target: t.Target.Arn, SqsParameters: t.Target.SqsParameters, Record: InvocationRecord{
		Version: "1.0", Timestamp: l.dispatcher.Now().UTC().Format("2006-01-02T15:04:05.000Z"), RequestPayload: payload, ResponsePayload: last.Document(),
		RequestContext: requestContext{RequestID: t.ID, FunctionARN: t.Target.Arn + ":$LATEST",
			Condition: condition, ApproximateInvokeCount: t.Attempts},
	}}
	if t.Stage == StageInvoke {
		letter.Record.ResponseContext = &responseContext{StatusCode: 200, ExecutedVersion: "$LATEST", FunctionError: "Unhandled"}
	}
	record, err := json.Marshal(&letter, jsontext.AllowDuplicateNames(true))
	return l.file.Put(BucketDeadLetters, datafile.SeqKey(l.dispatcher.Sequence.Next()), record), err
}

// Retry delivers a dead letter to its target again, with all retries, and removes
// the dead letter. The fault is NotFound if it does not exist.
func (l *DeadLetters) Retry(ctx context.Context, id string) error {
	d := l.dispatcher
	key, letter, err := l.find(id)
	if err != nil {
		return err
	}
	now := d.Now()
	t := &Task{
		Seq: d.Sequence.Next(), ID: letter.Record.RequestContext.RequestID, Rule: letter.Rule,
		Target: Target{Arn: letter.Target, SqsParameters: letter.SqsParameters}, Stage: StageDeliver, Since: now, Due: now,
		Payload: letter.Record.RequestPayload, Origin: letter.Event,
	}
	w, err := d.Write(t)
	if err != nil {
		return err
	}
	if err := l.file.Commit(ctx, []datafile.Write{w, l.file.Remove(BucketDeadLetters, key)}); err != nil {
		return err
	}
	d.Add(t)
	return nil
}

// Delete removes a dead letter. The fault is NotFound if it does not exist.
func (l *DeadLetters) Delete(ctx context.Context, id string) error {
	key, _, err := l.find(id)
	if err != nil {
		return err
	}
	return l.file.Commit(ctx, []datafile.Write{l.file.Remove(BucketDeadLetters, key)})
}

// List returns the dead letters, the oldest first.
func (l *DeadLetters) List() ([]DeadLetter, error) {
	var letters []DeadLetter
	err := l.file.Each(BucketDeadLetters, nil, func(key, record []byte) (bool, error) {
		letter, err := decodeDeadLetter(key, record)
		letters = append(letters, letter)
		return true, err
	})
	return letters, err
}

func (l *DeadLetters) find(id string) (key []byte, letter DeadLetter, err error) {
	missing := fault.Errorf(fault.NotFound, "dead letter %q does not exist", awsjson.Clip(id))
	seq, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return nil, letter, missing
	}
	key = datafile.SeqKey(seq)
	record, err := l.file.Get(BucketDeadLetters, key)
	if err != nil {
		return nil, letter, missing
	}
	letter, err = decodeDeadLetter(key, record)
	return key, letter, err
}

func decodeDeadLetter(key, record []byte) (DeadLetter, error) {
	var letter DeadLetter
	if err := json.Unmarshal(record, &letter, jsontext.AllowDuplicateNames(true)); err != nil || len(key) != 8 {
		return letter, fault.Errorf(fault.Internal, "a stored dead letter cannot be read")
	}
	letter.ID = strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
	return letter, nil
}
