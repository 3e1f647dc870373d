package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

const (
	// probeTenant is the tenant of doctor --send. Its files stay in the bucket.
	probeTenant     = "doctor"
	probeSchema     = "probe"
	probeProperties = "# Written by `eventrouter doctor --aws --send`.\neventbridge-input=true\neventbridge-output=[{}]\n"
	probeSchemaText = `{"type":"object","properties":{"id":{"type":"string"},"run":{"type":"string"}},"required":["run"]}` + "\n"
	// letterSchemaText is no JSON: an event for such a schema is a fault, which is
	// retried and becomes a dead letter.
	letterSchemaText = "{\n"

	probeKeyLife = time.Hour

	// Time-outs of the steps. Lambda retries a failed event after one minute and
	// again after two; the last record arrives soon after.
	effectTimeout = time.Minute
	outputTimeout = 2 * time.Minute
	letterTimeout = 10 * time.Minute
	alarmTimeout  = time.Minute
)

// sendChecks are the steps of doctor --send. Each uses the results of the steps
// before it; skip is why the following steps are not run.
type sendChecks struct {
	*deploymentChecks
	every time.Duration // between two looks for a result
	files blob.Bucket
	keys  apikey.Store
	store *store.Store

	began   time.Time
	run     string // unique to this run
	keyID   apikey.ID
	key     string
	event   string // id of the input event
	letter  string // id of the event that becomes a dead letter
	message string // id of the dead letter
	settle  bool   // files were written that an instance may have looked for
	skip    string
}

func (x *deploymentChecks) sendChecks(alarm bool) []check {
	ledger := x.ledger()
	c := &sendChecks{deploymentChecks: x, every: time.Second, keys: ledger, store: store.New(ledger, nil), began: time.Now(), run: strings.ToLower(rand.Text())}
	checks := []check{
		{what: "test tenant", run: c.tenant},
		{what: "input event", run: c.step(c.send), timeout: effectTimeout},
		{what: "ledger", run: c.step(c.effect), timeout: effectTimeout},
		{what: "output event", run: c.step(c.published), timeout: outputTimeout},
		{what: "test function", run: c.step(c.received), timeout: outputTimeout},
		{what: "dead letter", run: c.step(c.deadLetter), timeout: letterTimeout},
		{what: "retry", run: c.step(c.retryLetter), timeout: outputTimeout},
	}
	if alarm {
		checks = append(checks, check{what: "alarm", run: c.alarm, timeout: alarmTimeout})
	}
	return append(checks, check{what: "clean up", run: c.cleanUp, timeout: effectTimeout})
}

// step runs a step unless an earlier one has ended the sequence.
func (c *sendChecks) step(do func(context.Context) checkResult) func(context.Context) checkResult {
	return func(ctx context.Context) checkResult {
		if c.skip != "" {
			return notChecked("%s", c.skip)
		}
		return do(ctx)
	}
}

// stop ends the sequence with a result: later steps depend on this one.
func (c *sendChecks) stop(step string, r checkResult) checkResult {
	c.skip = r.NotChecked
	if c.skip == "" {
		c.skip = "the step " + step + " failed"
	}
	return r
}

// standIn reports whether the deployment is on a stand-in for AWS.
func (x *deploymentChecks) standIn() bool { return x.bus.Options().BaseEndpoint != nil }

// unsupported returns the result of a step whose call a stand-in does not
// implement, if that is the reason of the error.
func (x *deploymentChecks) unsupported(operation string, err error) (checkResult, bool) {
	if !x.standIn() {
		return checkResult{}, false
	}
	response, isResponse := errors.AsType[*awshttp.ResponseError](err)
	api, isAPI := errors.AsType[smithy.APIError](err)
	missing := isResponse && (response.HTTPStatusCode() >= http.StatusInternalServerError || response.HTTPStatusCode() == http.StatusNotFound && !isAPI) ||
		isAPI && (api.ErrorCode() == "UnknownOperationException" || api.ErrorCode() == "InvalidAction" || api.ErrorCode() == "NotImplemented")
	if !missing {
		return checkResult{}, false
	}
	return notChecked("this stand-in for AWS does not support %s", operation), true
}

// await looks for a result until it is there or the step's time is over.
func (c *sendChecks) await(ctx context.Context, look func(context.Context) (bool, error)) error {
	for {
		done, err := look(ctx)
		switch {
		case done:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		}
		select {
		case <-ctx.Done():
			return errTimedOut
		case <-time.After(c.every):
		}
	}
}

var errTimedOut = errors.New("timed out")

// tenant writes the tenant's files, if they differ, the malformed schema of the
// dead letter, and a key that expires by itself.
func (c *sendChecks) tenant(ctx context.Context) checkResult {
	const step = "test tenant"
	files, err := s3blob.New(c.s3(), c.env.Bucket(c.account, c.cfg.Region), names.SchemasPrefix)
	if err != nil {
		return c.stop(step, failedErr("", err))
	}
	c.files = files
	for _, f := range []struct{ name, text string }{
		{c.letterSchema(), letterSchemaText}, {probeSchema + ".json", probeSchemaText}, {"tenant.properties", probeProperties},
	} {
		key := probeTenant + "/" + f.name
		if there, err := files.Get(ctx, key, ""); err == nil && string(there.Data) == f.text {
			continue
		}
		if _, err := files.Put(ctx, key, []byte(f.text), nil, blob.Condition{}); err != nil {
			return c.stop(step, failedErr("grant your user the permissions that doc/operations.md lists", err))
		}
		c.settle = f.name != c.letterSchema()
	}
	now := time.Now()
	key, secret, err := apikey.New(probeTenant, []apikey.Permission{apikey.BackendCalls}, now.Add(probeKeyLife), now, rand.Reader)
	if err == nil {
		err = c.keys.PutKey(ctx, key)
	}
	if err != nil {
		return c.stop(step, failedErr("", err))
	}
	c.keyID, c.key = key.ID, secret.Reveal()
	return passed("tenant %s with key %s, which expires in an hour", probeTenant, key.ID)
}

// letterSchema returns the file of the schema of the dead letter.
func (c *sendChecks) letterSchema() string { return "letter-" + c.run + ".json" }

// put sends an input event of the tenant and returns its id.
func (c *sendChecks) put(ctx context.Context, schema string) (string, error) {
	detail, err := json.Marshal(map[string]any{"tenant": probeTenant, "rootSchema": schema, "api_key": c.key, "payload": map[string]string{"id": c.run, "run": c.run}})
	if err != nil {
		return "", err
	}
	out, err := c.bus.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: &c.inputBus, Source: aws.String(names.InputSource), DetailType: aws.String(schema + ".POST"), Detail: aws.String(string(detail)),
	}}})
	if err != nil {
		return "", err
	}
	if e := out.Entries[0]; e.ErrorCode != nil {
		return "", fault.Errorf(fault.Unavailable, "%s: %s", aws.ToString(e.ErrorCode), aws.ToString(e.ErrorMessage))
	}
	return aws.ToString(out.Entries[0].EventId), nil
}

// send sends the input event, and the one that becomes a dead letter, so that
// Lambda's retries of the latter take place meanwhile.
func (c *sendChecks) send(ctx context.Context) checkResult {
	const step = "input event"
	if c.settle {
		c.waitForFiles(ctx)
	}
	var err error
	if c.event, err = c.put(ctx, probeSchema); err == nil && !c.buffered {
		c.letter, err = c.put(ctx, strings.TrimSuffix(c.letterSchema(), ".json"))
	}
	if err != nil {
		if r, is := c.unsupported("PutEvents to a rule with a function", err); is {
			return c.stop(step, r)
		}
		return c.stop(step, failedErr("check that you may put events on the bus "+c.inputBus, err))
	}
	return passed("event %s is on the bus %s", c.event, c.inputBus)
}

// waitForFiles waits until no instance has cached that a file is missing or
// malformed.
func (c *sendChecks) waitForFiles(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(tenant.MaxNegative + time.Second):
	}
}

// mark reads the idempotency record of an event.
func (c *sendChecks) mark(ctx context.Context, event string) (store.IdempotencyRecord, bool, error) {
	m, err := c.store.IdempotencyRecord(ctx, store.IdempotencyKey{Tenant: probeTenant, Origin: store.OriginEventID, Value: event})
	if fault.Is(err, fault.NotFound) {
		return m, false, nil
	}
	return m, err == nil, err
}

// effect waits for the event's change and bill in the ledger.
func (c *sendChecks) effect(ctx context.Context) checkResult {
	const step = "ledger"
	var found store.IdempotencyRecord
	err := c.await(ctx, func(ctx context.Context) (ok bool, err error) {
		found, ok, err = c.mark(ctx, c.event)
		return ok, err
	})
	switch {
	case err == errTimedOut:
		return c.stop(step, failedf(c.log(c.event), "the event has no effect after %v: %s", effectTimeout, c.outcome(ctx, c.event)))
	case err != nil:
		return c.stop(step, failedErr("", err))
	case found.Result.Rejected:
		return c.stop(step, failedf(c.log(c.event), "the event was rejected: %s", found.Result.Message))
	case found.Bill.Tokens == 0 || len(found.Outputs.Entries) == 0:
		return c.stop(step, failedf(c.log(c.event), "the event has a bill of %d tokens and %d output events; want some of both", found.Bill.Tokens, len(found.Outputs.Entries)))
	}
	return passed("record %s/%s/%s, %d tokens", probeTenant, probeSchema, found.Result.Ref.Key, found.Bill.Tokens)
}

// log returns the command that shows an event's log lines.
func (c *sendChecks) log(event string) string {
	return "aws logs filter-log-events --log-group-name " + names.LogGroup(c.env.Name(names.Function)) + ` --filter-pattern '"` + event + `"'`
}

// outcome returns what the function has logged about an event.
func (c *sendChecks) outcome(ctx context.Context, event string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	lines, err := c.logged(ctx, c.env.Name(names.Function), event)
	if err != nil {
		return "the function's log cannot be read: " + message(err)
	}
	if len(lines) == 0 {
		return "the function has not logged it; the rule has not delivered it"
	}
	var line struct {
		Outcome string `json:"outcome"`
		Status  int    `json:"status"`
		Error   string `json:"error"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &line); err != nil {
		return "the function's last line about it is no JSON"
	}
	return fmt.Sprintf("the function logged %s %d %s", line.Outcome, line.Status, line.Error)
}

// logged returns the lines of a function's log that contain a word.
func (c *sendChecks) logged(ctx context.Context, function, word string) (lines []string, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(cloudwatchlogs.NewFromConfig(c.cfg), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(names.LogGroup(function)), FilterPattern: aws.String(`"` + word + `"`), StartTime: aws.Int64(c.began.Add(-time.Minute).UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Events {
			lines = append(lines, aws.ToString(e.Message))
		}
	}
	return lines, nil
}

// published waits until the output event is published.
func (c *sendChecks) published(ctx context.Context) checkResult {
	const step = "output event"
	var entry store.Entry
	err := c.await(ctx, func(ctx context.Context) (bool, error) {
		m, ok, err := c.mark(ctx, c.event)
		if !ok {
			return false, err
		}
		entry = m.Outputs.Entries[0]
		return entry.State == store.EntryPublished || entry.State == store.EntryFailed, nil
	})
	switch {
	case err == errTimedOut:
		return c.stop(step, failedf("eventrouter entries list --state pending --aws --environment "+string(c.env), "it is still %s after %v: %s", entry.State, outputTimeout, entry.Error))
	case err != nil:
		return c.stop(step, failedErr("", err))
	case entry.State == store.EntryFailed:
		return c.stop(step, failedf("eventrouter entries list --state failed --aws --environment "+string(c.env), "the bus %s rejected it: %s", entry.Bus, entry.Error))
	}
	return passed("published to %s", entry.Bus)
}

// received waits for the output event in the log of the test function.
func (c *sendChecks) received(ctx context.Context) checkResult {
	err := c.await(ctx, func(ctx context.Context) (bool, error) {
		lines, err := c.logged(ctx, c.env.Name(names.TestFunction), c.run)
		return len(lines) > 0, err
	})
	if err == errTimedOut {
		return failedf("eventrouter doctor --aws --environment "+string(c.env), "%s has not logged the output event after %v", c.env.Name(names.TestFunction), outputTimeout)
	}
	if api, is := errors.AsType[smithy.APIError](err); is && api.ErrorCode() == "ResourceNotFoundException" {
		return notChecked("there is no test function; deploy with testFunction=true")
	}
	if err != nil {
		return failedErr("", err)
	}
	return passed("%s has logged it", c.env.Name(names.TestFunction))
}

// deadLetter waits until the event of the malformed schema is in the failure queue.
func (c *sendChecks) deadLetter(ctx context.Context) checkResult {
	if c.buffered {
		c.skip = "with inputBuffer=sqs an event is tried for five hours before it becomes a dead letter"
		return notChecked("%s", c.skip)
	}
	queues := newAWSFunctions(c.awsDeployment)
	err := c.await(ctx, func(ctx context.Context) (bool, error) {
		err := queues.walk(ctx, listVisibility, 1, func(m sqstypes.Message) (bool, error) {
			if l := queues.deadLetter(m); l.EventID == c.letter {
				c.message = l.ID
				return false, errStopWalk
			}
			return false, nil
		})
		return c.message != "", err
	})
	switch {
	case err == errTimedOut:
		return c.stop("dead letter", failedf(c.log(c.letter), "event %s is not in %s after %v", c.letter, c.env.Name(names.FailureQueue), letterTimeout))
	case err != nil:
		return c.stop("dead letter", failedErr("", err))
	}
	return passed("event %s is in %s; the alarms errors and failures may fire", c.letter, c.env.Name(names.FailureQueue))
}

// retryLetter corrects the schema and sends the dead letter again.
func (c *sendChecks) retryLetter(ctx context.Context) checkResult {
	if _, err := c.files.Put(ctx, probeTenant+"/"+c.letterSchema(), []byte(probeSchemaText), nil, blob.Condition{}); err != nil {
		return failedErr("", err)
	}
	c.waitForFiles(ctx)
	queues := newAWSFunctions(c.awsDeployment)
	// A message that was listed stays hidden for some seconds.
	err := c.await(ctx, func(ctx context.Context) (bool, error) {
		n, err := queues.RetryDeadLetters(ctx, admin.LetterQuery{IDs: []string{c.message}})
		return n > 0, err
	})
	if err == nil {
		var found bool
		if _, found, err = c.mark(ctx, c.letter); err == nil && !found {
			err = errors.New("the function processed it without effect")
		}
	}
	if err != nil {
		return failedf(c.log(c.letter), "dead letter %s: %v", c.message, err)
	}
	return passed("dead letter %s was processed", c.message)
}

// alarm sets one alarm by hand and waits until its action has been executed.
func (c *sendChecks) alarm(ctx context.Context) checkResult {
	client, name := cloudwatch.NewFromConfig(c.cfg), c.env.Alarm("errors")
	began := time.Now()
	for _, state := range []cwtypes.StateValue{cwtypes.StateValueOk, cwtypes.StateValueAlarm} {
		_, err := client.SetAlarmState(ctx, &cloudwatch.SetAlarmStateInput{
			AlarmName: &name, StateValue: state, StateReason: aws.String("eventrouter doctor --send --alarm checks that alarms arrive"),
		})
		if err != nil {
			if r, is := c.unsupported("SetAlarmState", err); is {
				return r
			}
			return failedErr(c.deployCommand(), err)
		}
	}
	var result string
	err := c.await(ctx, func(ctx context.Context) (bool, error) {
		out, err := client.DescribeAlarmHistory(ctx, &cloudwatch.DescribeAlarmHistoryInput{
			AlarmName: &name, HistoryItemType: cwtypes.HistoryItemTypeAction, StartDate: aws.Time(began.Add(-time.Second)), EndDate: aws.Time(time.Now().Add(time.Minute)),
		})
		if err != nil {
			return false, err
		}
		for _, item := range out.AlarmHistoryItems {
			result = aws.ToString(item.HistorySummary)
			return true, nil
		}
		return false, nil
	})
	switch {
	case err == errTimedOut:
		return failedf(c.deployCommand(), "the alarm %s has executed no action after %v", name, alarmTimeout)
	case err != nil:
		if r, is := c.unsupported("DescribeAlarmHistory", err); is {
			return r
		}
		return failedErr("", err)
	case !strings.HasPrefix(result, "Successfully executed"):
		return failedf(c.deployCommand(), "the action of %s failed: %s", name, result)
	}
	return passed("%s: %s", name, result)
}

// cleanUp revokes the key and removes the schema of the dead letter. The tenant,
// its record and its bill stay.
func (c *sendChecks) cleanUp(ctx context.Context) checkResult {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), effectTimeout) // also after an interrupt
	defer cancel()
	if c.keyID != "" {
		if _, err := apikey.Revoke(ctx, c.keys, c.keyID, time.Now()); err != nil {
			return failedErr(fmt.Sprintf("eventrouter keys revoke %s --aws --environment %s", c.keyID, c.env), err)
		}
	}
	if c.files != nil {
		if err := c.files.Delete(ctx, probeTenant+"/"+c.letterSchema(), blob.Condition{}); err != nil {
			return failedErr("", err)
		}
	}
	return passed("the key is revoked; the files of tenant %s stay", probeTenant)
}
