package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/sync/errgroup"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/router"
)

type deadLetterCommands struct {
	List  deadLettersList  `cmd:"" help:"List them."`
	Retry deadLettersRetry `cmd:"" help:"Redeliver them."`
}

// letterFlags select dead letters.
type letterFlags struct {
	Tenant string    `help:"Only events of this tenant."`
	Schema string    `help:"Only events of this schema."`
	Code   string    `help:"Only events that were given up for this reason, for example RetriesExhausted or NO_PERMISSIONS."`
	Since  time.Time `help:"Only events that were given up at this time or later, for example 2026-11-21T03:00:00Z."`
}

func (f *letterFlags) query() admin.LetterQuery {
	return admin.LetterQuery{Tenant: f.Tenant, Schema: f.Schema, Code: f.Code, Since: f.Since}
}

type deadLettersList struct {
	letterFlags `embed:""`
	Limit       int `default:"100" help:"The maximum number to list."`
}

// Run lists dead letters.
func (c *deadLettersList) Run(s *session) error {
	if c.Limit < 1 {
		return fault.Errorf(fault.Invalid, "--limit must be 1 or more, not %d", c.Limit)
	}
	q := c.query()
	q.Limit = c.Limit + 1 // one more shows whether there are more
	letters, err := s.admin.DeadLetters(s.ctx, q)
	if err != nil {
		return err
	}
	more := len(letters) > c.Limit
	letters = letters[:min(len(letters), c.Limit)]
	if letters == nil {
		letters = []admin.DeadLetter{}
	}
	if done, err := s.print.printJSON(struct {
		DeadLetters []admin.DeadLetter `json:"deadLetters"`
		More        bool               `json:"more,omitempty"`
	}{letters, more}); done {
		return err
	}
	rows := make([][]string, len(letters))
	for i, l := range letters {
		rows[i] = []string{l.ID, l.Function, joinWith("/", l.Tenant, l.Schema), l.EventID, fmt.Sprint(l.Attempts), date(l.Time), l.Error}
	}
	err = s.print.table([]string{"ID", "FUNCTION", "SCHEMA", "EVENT", "ATTEMPTS", "TIME", "ERROR"}, rows)
	if more {
		s.print.note("there are more: raise --limit, or select with --tenant, --schema, --code or --since")
	}
	return err
}

type deadLettersRetry struct {
	IDs         []string `arg:"" optional:"" name:"id" help:"The dead letters to redeliver. Default: all that the flags select."`
	letterFlags `embed:""`
	DryRun      bool `name:"dry-run" help:"Predict the result of each, and send nothing."`
	Parallel    int  `default:"8" help:"With --aws: the number of events that are sent at the same time."`
}

// Help is shown by --help.
func (c *deadLettersRetry) Help() string {
	return `Each event that succeeds is removed at once. An interrupted command can be
repeated: it continues with the events that are left. An event that was processed
before has no second effect. --dry-run decodes, authorizes and validates each event
with the current keys and files; rate and token limits are not considered.`
}

// Run redelivers dead letters.
func (c *deadLettersRetry) Run(s *session) error {
	if c.Parallel < 1 || c.Parallel > maxParallel {
		return fault.Errorf(fault.Invalid, "--parallel must be 1 to %d, not %d", maxParallel, c.Parallel)
	}
	q := c.query()
	q.IDs = c.IDs
	if c.DryRun {
		p, err := s.admin.PredictDeadLetters(s.ctx, q)
		if err != nil {
			return err
		}
		return s.printPrediction(p)
	}
	if s.deployment != nil {
		s.deployment.functions.parallel = c.Parallel
		s.deployment.functions.progress = func(done, failed int) { s.print.note("%d sent again, %d failed again", done, failed) }
	}
	n, err := s.admin.RetryDeadLetters(s.ctx, q)
	if err != nil {
		return err
	}
	if done, err := s.print.printJSON(struct {
		Retried int `json:"retried"`
	}{n}); done {
		return err
	}
	s.print.line("%d sent again", n)
	return nil
}

func (s *session) printPrediction(p admin.LetterPrediction) error {
	if done, err := s.print.printJSON(p); done {
		return err
	}
	s.print.line("%d would change a record", p.Change)
	s.print.line("%d would return their stored result", p.Stored)
	for _, reason := range slices.Sorted(maps.Keys(p.Rejected)) {
		s.print.line("%d would be rejected: %s", p.Rejected[reason], reason)
	}
	for _, reason := range slices.Sorted(maps.Keys(p.Failed)) {
		s.print.line("%d would fail again: %s", p.Failed[reason], reason)
	}
	return nil
}

const (
	// listVisibility is for how long a message is hidden from others while it is
	// listed, at most; it is visible again when the list is complete.
	listVisibility = 60 // seconds
	// letterBatch is the number of messages that are received at a time.
	letterBatch = 10
	// retryVisibility is for how long a batch is hidden while it is sent again: longer
	// than the function may take for all of its messages.
	retryVisibility = int32((letterBatch + 1) * names.Timeout / time.Second)
	maxParallel     = 100
	progressEvery   = 100 // dead letters
)

// errStopWalk ends a walk through a queue.
var errStopWalk = errors.New("enough")

// DeadLetters implements [admin.Functions]. The messages stay in their queues.
// Events are not returned, because they contain API keys.
func (f *awsFunctions) DeadLetters(ctx context.Context, q admin.LetterQuery) ([]admin.DeadLetter, error) {
	letters := []admin.DeadLetter{}
	err := f.walk(ctx, listVisibility, 1, func(m sqstypes.Message) (bool, error) {
		if l := f.deadLetter(m); q.Matches(&l) {
			letters = append(letters, l)
		}
		if q.Limit > 0 && len(letters) == q.Limit {
			return false, errStopWalk
		}
		return false, nil
	})
	return letters, err
}

// RetryDeadLetters implements [admin.Functions]: it invokes the function with each
// message as SQS does, and deletes the messages that the function has processed.
func (f *awsFunctions) RetryDeadLetters(ctx context.Context, q admin.LetterQuery) (int, error) {
	var mu sync.Mutex
	done, again := 0, 0
	count := func(ok bool) (all bool) {
		mu.Lock()
		defer mu.Unlock()
		if ok {
			done++
		} else {
			again++
		}
		if f.progress != nil && (done+again)%progressEvery == 0 {
			f.progress(done, again)
		}
		return done == len(q.IDs)
	}
	err := f.walk(ctx, retryVisibility, max(f.parallel, 1), func(m sqstypes.Message) (bool, error) {
		if l := f.deadLetter(m); !q.Matches(&l) {
			return false, nil
		}
		ok, err := f.retry(ctx, m)
		if err != nil {
			return false, err
		}
		if count(ok) && len(q.IDs) > 0 {
			return ok, errStopWalk
		}
		return ok, nil
	})
	switch {
	case ctx.Err() != nil:
		return done, fault.Errorf(fault.Unavailable, "interrupted: %d sent again, %d failed again; repeat the command to continue", done, again)
	case err != nil:
		return done, err
	case again > 0:
		return done, fault.Errorf(fault.Unavailable, "%d redelivered; %d failed again, see the log of the function", done, again)
	}
	return done, nil
}

// PredictDeadLetters implements [admin.Functions].
func (f *awsFunctions) PredictDeadLetters(ctx context.Context, q admin.LetterQuery) (p admin.LetterPrediction, err error) {
	r, err := f.router(ctx)
	if err != nil {
		return p, err
	}
	err = f.walk(ctx, listVisibility, 1, func(m sqstypes.Message) (bool, error) {
		if l := f.deadLetter(m); q.Matches(&l) {
			p.Add(predictLetter(ctx, r, letterEvent([]byte(aws.ToString(m.Body)))))
		}
		return false, ctx.Err()
	})
	return p, err
}

// predictLetter predicts the result of sending an event again. A payload that is not an event is
// rejected.
func predictLetter(ctx context.Context, r *router.Router, event []byte) (replayed bool, err error) {
	e, err := events.DecodeEnvelope(event)
	if err != nil {
		return false, err
	}
	return router.Predict(ctx, r, &e)
}

// letterEvent returns the event of a dead letter: itself, or the payload of a failed
// invocation.
func letterEvent(body []byte) []byte {
	var record struct {
		RequestPayload jsontext.Value `json:"requestPayload"`
	}
	if err := json.Unmarshal(body, &record, jsontext.AllowDuplicateNames(true)); err == nil && record.RequestPayload != nil {
		return record.RequestPayload
	}
	return body
}

// addressOf returns the tenant and the schema that an event names; "" if it cannot be
// read.
func addressOf(event []byte) (tenant, schema string) {
	var e struct {
		Detail struct {
			Tenant     string `json:"tenant"`
			RootSchema string `json:"rootSchema"`
		} `json:"detail"`
	}
	_ = json.Unmarshal(event, &e, jsontext.AllowDuplicateNames(true))
	return e.Detail.Tenant, e.Detail.RootSchema
}

// retry invokes the function with the message, and reports whether it succeeded.
func (f *awsFunctions) retry(ctx context.Context, m sqstypes.Message) (bool, error) {
	type record struct {
		MessageID string `json:"messageId"`
		Body      string `json:"body"`
	}
	payload, err := json.Marshal(map[string][]record{"Records": {{aws.ToString(m.MessageId), aws.ToString(m.Body)}}})
	if err != nil {
		return false, err
	}
	out, err := f.lambda.Invoke(ctx, &awslambda.InvokeInput{FunctionName: aws.String(f.env.Name(names.Function)), Payload: payload})
	if err != nil {
		return false, fault.Wrap("lambda.Invoke", fault.Unavailable, err)
	}
	var answer struct {
		Failures []jsontext.Value `json:"batchItemFailures"`
	}
	if out.FunctionError != nil || json.Unmarshal(out.Payload, &answer) != nil {
		return false, nil
	}
	return len(answer.Failures) == 0, nil
}

// walk visits each message of both queues once, by several receivers. visit reports
// whether the message has been processed: it is deleted then. All others become visible
// again at the end, also if the walk was interrupted.
func (f *awsFunctions) walk(ctx context.Context, hidden int32, receivers int, visit func(sqstypes.Message) (bool, error)) error {
	for _, name := range []string{f.env.Name(names.InputDLQ), f.env.Name(names.FailureQueue)} {
		found, err := f.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			return fault.Wrap("queue "+name, fault.Unavailable, err)
		}
		w := &queueWalk{queues: f.queues, queue: found.QueueUrl, hidden: hidden, visit: visit, visited: map[string]bool{}}
		group, groupCtx := errgroup.WithContext(ctx)
		for range receivers {
			group.Go(func() error { return w.run(groupCtx) })
		}
		err = group.Wait()
		w.release(context.WithoutCancel(ctx))
		if errors.Is(err, errStopWalk) {
			return nil
		}
		if err != nil {
			return fault.Wrap("queue "+name, fault.Unavailable, err)
		}
	}
	return nil
}

// A queueWalk is a walk through one queue.
type queueWalk struct {
	queues *sqs.Client
	queue  *string
	hidden int32
	visit  func(sqstypes.Message) (bool, error)

	mu      sync.Mutex
	visited map[string]bool // ids of messages
	kept    []*string       // receipt handles of those that stay
}

// run receives messages until there are none that the walk has not visited.
func (w *queueWalk) run(ctx context.Context) error {
	for {
		out, err := w.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: w.queue, MaxNumberOfMessages: letterBatch, VisibilityTimeout: w.hidden, WaitTimeSeconds: 1,
			MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"SentTimestamp"},
		})
		if err != nil {
			return err
		}
		news := false
		for i, m := range out.Messages {
			if !w.first(aws.ToString(m.MessageId)) {
				w.keep(m)
				continue
			}
			news = true
			done, err := w.visit(m)
			if done {
				if _, err := w.queues.DeleteMessage(context.WithoutCancel(ctx), &sqs.DeleteMessageInput{QueueUrl: w.queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
					return err
				}
			} else {
				w.keep(m)
			}
			if err != nil {
				w.keep(out.Messages[i+1:]...)
				return err
			}
		}
		if !news {
			return nil
		}
	}
}

// first reports whether a message has not been visited, and stores that it is.
func (w *queueWalk) first(id string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.visited[id]
	w.visited[id] = true
	return !was
}

func (w *queueWalk) keep(messages ...sqstypes.Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range messages {
		w.kept = append(w.kept, m.ReceiptHandle)
	}
}

// release makes the messages that stay visible again. Messages for which this fails
// become visible by themselves.
func (w *queueWalk) release(ctx context.Context) {
	for batch := range slices.Chunk(w.kept, 10) {
		entries := make([]sqstypes.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		for i, handle := range batch {
			entries[i] = sqstypes.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: handle}
		}
		_, _ = w.queues.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: w.queue, Entries: entries})
	}
}

// deadLetter returns what may be shown of a message. A message of the rule's queue
// is the event, with the error in attributes; a message of the function's queue is
// an invocation record.
func (f *awsFunctions) deadLetter(m sqstypes.Message) admin.DeadLetter {
	var body struct {
		ID      string `json:"id"`
		Context struct {
			Condition string `json:"condition"`
			Attempts  int    `json:"approximateInvokeCount"`
		} `json:"requestContext"`
		Request struct {
			ID string `json:"id"`
		} `json:"requestPayload"`
		Response struct {
			Error string `json:"errorMessage"`
		} `json:"responsePayload"`
	}
	_ = json.Unmarshal([]byte(aws.ToString(m.Body)), &body, jsontext.AllowDuplicateNames(true)) // what cannot be read stays empty
	attribute := func(name string) string { return aws.ToString(m.MessageAttributes[name].StringValue) }
	letter := admin.DeadLetter{ID: aws.ToString(m.MessageId), Function: f.env.Name(names.Function), Time: sentAt(m)}
	letter.Tenant, letter.Schema = addressOf(letterEvent([]byte(aws.ToString(m.Body))))
	if body.Request.ID != "" || body.Context.Condition != "" {
		letter.Code = body.Context.Condition
		letter.EventID, letter.Attempts, letter.Error = body.Request.ID, body.Context.Attempts, joinNonEmpty(body.Context.Condition, body.Response.Error)
		return letter
	}
	letter.Code = attribute("ERROR_CODE")
	letter.EventID, letter.Error = body.ID, joinNonEmpty(attribute("ERROR_CODE"), attribute("ERROR_MESSAGE"))
	letter.Attempts, _ = strconv.Atoi(attribute("RETRY_ATTEMPTS"))
	return letter
}

func sentAt(m sqstypes.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func joinNonEmpty(a, b string) string { return joinWith(": ", a, b) }

// joinWith joins two texts, or returns the one that is not empty.
func joinWith(separator, a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + separator + b
}
