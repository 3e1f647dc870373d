package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/names"
)

type deadLetterCommands struct {
	List  deadLettersList  `cmd:"" help:"List them."`
	Retry deadLettersRetry `cmd:"" help:"Redeliver them."`
}

type deadLettersList struct{}

// Run lists dead letters.
func (c *deadLettersList) Run(s *session) error {
	letters, err := s.admin.DeadLetters(s.ctx)
	if err != nil {
		return err
	}
	if letters == nil {
		letters = []admin.DeadLetter{}
	}
	if done, err := s.print.printJSON(struct {
		DeadLetters []admin.DeadLetter `json:"deadLetters"`
	}{letters}); done {
		return err
	}
	rows := make([][]string, len(letters))
	for i, l := range letters {
		rows[i] = []string{l.ID, l.Function, l.EventID, fmt.Sprint(l.Attempts), date(l.Time), l.Error}
	}
	return s.print.table([]string{"ID", "FUNCTION", "EVENT", "ATTEMPTS", "TIME", "ERROR"}, rows)
}

type deadLettersRetry struct {
	IDs []string `arg:"" optional:"" name:"id" help:"The dead letters to redeliver. Default: all."`
}

// Run redelivers dead letters.
func (c *deadLettersRetry) Run(s *session) error {
	n, err := s.admin.RetryDeadLetters(s.ctx, c.IDs)
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

const (
	// listVisibility is for how long a message is hidden from others while it is listed.
	listVisibility = 2 // seconds
	// retryVisibility is the same while it is sent again: longer than the function may take.
	retryVisibility = int32(2 * names.Timeout / time.Second)
)

// errStopWalk ends a walk through a queue.
var errStopWalk = errors.New("enough")

// DeadLetters implements [admin.Functions]. The messages stay in their queues.
// Events are not returned, because they contain API keys.
func (f *awsFunctions) DeadLetters(ctx context.Context) ([]admin.DeadLetter, error) {
	letters := []admin.DeadLetter{}
	err := f.walk(ctx, listVisibility, func(_ string, m sqstypes.Message) error {
		letters = append(letters, f.deadLetter(m))
		return nil
	})
	return letters, err
}

// RetryDeadLetters implements [admin.Functions]: it invokes the function with each
// message as SQS does, and deletes the messages that the function has processed.
func (f *awsFunctions) RetryDeadLetters(ctx context.Context, ids []string) (int, error) {
	done, again, wanted := 0, 0, len(ids)
	err := f.walk(ctx, retryVisibility, func(queue string, m sqstypes.Message) error {
		if wanted > 0 && !slices.Contains(ids, aws.ToString(m.MessageId)) {
			return f.release(ctx, queue, m)
		}
		ok, err := f.retry(ctx, m)
		if err != nil {
			return err
		}
		if !ok {
			again++
			return nil
		}
		if _, err := f.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
			return fault.Wrap("sqs.DeleteMessage", fault.Unavailable, err)
		}
		if done++; done == wanted {
			return errStopWalk
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, errStopWalk):
		return done, err
	case again > 0:
		return done, fault.Errorf(fault.Unavailable, "%d redelivered; %d failed again, see the log of the function", done, again)
	}
	return done, nil
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

// walk visits each message of both queues once.
func (f *awsFunctions) walk(ctx context.Context, hidden int32, visit func(queue string, m sqstypes.Message) error) error {
	for _, name := range []string{f.env.Name(names.InputDLQ), f.env.Name(names.FailureQueue)} {
		found, err := f.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			return fault.Wrap("queue "+name, fault.Unavailable, err)
		}
		for visited := map[string]bool{}; ; {
			out, err := f.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
				QueueUrl: found.QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: hidden, WaitTimeSeconds: 1,
				MessageAttributeNames: []string{"All"}, MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"SentTimestamp"},
			})
			if err != nil {
				return fault.Wrap("queue "+name, fault.Unavailable, err)
			}
			news := false
			for _, m := range out.Messages {
				if id := aws.ToString(m.MessageId); !visited[id] {
					visited[id], news = true, true
					if err := visit(*found.QueueUrl, m); err != nil {
						return err
					}
				}
			}
			if !news {
				break
			}
		}
	}
	return nil
}

// release makes a message visible again that was not selected.
func (f *awsFunctions) release(ctx context.Context, queue string, m sqstypes.Message) error {
	_, err := f.queues.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: listVisibility})
	if err != nil {
		return fault.Wrap("sqs.ChangeMessageVisibility", fault.Unavailable, err)
	}
	return nil
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
	if body.Request.ID != "" || body.Context.Condition != "" {
		letter.EventID, letter.Attempts, letter.Error = body.Request.ID, body.Context.Attempts, joinNonEmpty(body.Context.Condition, body.Response.Error)
		return letter
	}
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

func joinNonEmpty(a, b string) string {
	switch {
	case a == "":
		return b
	case b == "":
		return a
	}
	return a + ": " + b
}
