package typed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

func order(id, orderID string) string {
	return `{"id":"` + id + `","source":"shop","detail-type":"Order Placed","detail":{"order-id":"` + orderID + `","total":1}}`
}

func sqsRecord(id, body string) string {
	return `{"messageId":"` + id + `","eventSourceARN":"arn:aws:sqs:us-east-1:111122223333:q","body":` + strconv.Quote(body) + `}`
}

// consumer records what its handlers are called with; an order "bad" fails.
func consumer(seen *[]string) *typed.Consumer {
	registry := typed.NewRegistry(shop, typed.Map{{Source: "shop", DetailType: "Order Paid"}: typed.Decode[orderPaid]})
	c := typed.On(registry, func(ctx context.Context, o orderPlaced) error {
		*seen = append(*seen, "placed "+o.OrderID+" "+typed.Envelope(ctx).ID)
		if o.OrderID == "bad" {
			return errors.New("out of stock")
		}
		return nil
	})
	c = typed.On(c, func(_ context.Context, e *typed.Event[orderPaid]) error {
		*seen = append(*seen, "paid "+e.Detail.OrderID+" "+e.ID)
		return nil
	})
	return c.Otherwise(func(_ context.Context, e typed.Decoded) error {
		*seen = append(*seen, "other "+string(e.Raw().DetailType))
		return nil
	})
}

func TestOnCallsTheHandlerOfTheType(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		seen, failed  []string
		err           string
	}{
		{"an event", order("e1", "o1"), []string{"placed o1 e1"}, nil, ""},
		{"another type, with its envelope", strings.Replace(order("e2", "o2"), "Order Placed", "Order Paid", 1), []string{"paid o2 e2"}, nil, ""},
		{"an unknown kind", `{"source":"x","detail-type":"New","detail":7}`, []string{"other New"}, nil, ""},
		{"an array", "[" + order("e1", "o1") + "," + order("e2", "o2") + "]", []string{"placed o1 e1", "placed o2 e2"}, nil, ""},
		{"a handler that fails", order("e3", "bad"), []string{"placed bad e3"}, nil, "event e3: out of stock"},
		{"a detail that does not fit", `{"source":"shop","detail-type":"Order Placed","detail":[]}`, nil, nil, "must not be an array"},
		{"not an event", `{}`, nil, nil, "is no event"},
		{"a batch", `{"Records":[` + sqsRecord("m1", order("e1", "o1")) + `,` + sqsRecord("m2", order("e2", "bad")) + `,` + sqsRecord("m3", "x") + `,` + sqsRecord("m4", order("e4", "o4")) + `]}`,
			[]string{"placed o1 e1", "placed bad e2", "placed o4 e4"}, []string{"m2", "m3"}, ""},
		{"two failures in one message", `{"Records":[` + sqsRecord("m1", "["+order("e1", "bad")+","+order("e2", "bad")+"]") + `]}`,
			[]string{"placed bad e1", "placed bad e2"}, []string{"m1"}, ""},
	} {
		var seen []string
		response, err := consumer(&seen).Handle(t.Context(), json.RawMessage(c.payload))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		var failed []string
		for _, f := range response.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		if !slices.Equal(seen, c.seen) || !slices.Equal(failed, c.failed) {
			t.Errorf("%s: handlers saw %q, want %q; failed messages %q, want %q", c.name, seen, c.seen, failed, c.failed)
		}
	}
}

func TestOnWithoutAHandlerIgnores(t *testing.T) {
	called := 0
	base := typed.On(typed.NewRegistry(shop), func(context.Context, orderPaid) error { called++; return nil })
	second := typed.On(base, func(context.Context, orderPlaced) error { called += 10; return nil })
	third := typed.On(second, func(context.Context, orderPlaced) error { called += 100; return nil })
	for i, c := range []*typed.Consumer{base, second, third} {
		if _, err := c.Handle(t.Context(), json.RawMessage(order("e", "o"))); err != nil {
			t.Errorf("consumer %d: %v", i, err)
		}
	}
	if called != 110 {
		t.Errorf("handlers were called %d, want 110: none, the second, the third", called)
	}
	if typed.Envelope(t.Context()) != nil {
		t.Error("a context without an event has an envelope")
	}
}

// TestResponseIsWhatLambdaReads: without failures the list is empty, not null.
func TestResponseIsWhatLambdaReads(t *testing.T) {
	var seen []string
	for payload, want := range map[string]string{
		`{"Records":[` + sqsRecord("m1", order("e", "o")) + `]}`:   `{"batchItemFailures":[]}`,
		`{"Records":[` + sqsRecord("m1", order("e", "bad")) + `]}`: `{"batchItemFailures":[{"itemIdentifier":"m1"}]}`,
	} {
		response, err := consumer(&seen).Handle(t.Context(), json.RawMessage(payload))
		text, _ := json.Marshal(response)
		if err != nil || string(text) != want {
			t.Errorf("response %s, %v; want %s", text, err, want)
		}
	}
}

// TestFIFOKeepsTheOrder: after a failure the rest of its group fails unhandled,
// other groups do not.
func TestFIFOKeepsTheOrder(t *testing.T) {
	record := func(id, group, orderID string) string {
		return `{"messageId":"` + id + `","eventSourceARN":"arn:aws:sqs:us-east-1:111122223333:q.fifo","attributes":{"MessageGroupId":"` + group + `"},"body":` + strconv.Quote(order("e-"+id, orderID)) + `}`
	}
	var seen []string
	response, err := consumer(&seen).Handle(t.Context(), json.RawMessage(`{"Records":[`+strings.Join([]string{
		record("m1", "a", "o1"), record("m2", "a", "bad"), record("m3", "b", "o3"), record("m4", "a", "o4"), record("m5", "b", "o5")}, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"placed o1 e-m1", "placed bad e-m2", "placed o3 e-m3", "placed o5 e-m5"}; !slices.Equal(seen, want) {
		t.Errorf("handlers saw %q, want %q", seen, want)
	}
	if got := fmt.Sprint(response.BatchItemFailures); got != "[{m2} {m4}]" {
		t.Errorf("failed messages %s, want m2 and m4", got)
	}
}

// fakeQueue delivers messages until they are deleted.
type fakeQueue struct {
	messages []typed.Message
	rounds   int
	fail     int // how many calls of Receive fail first
	stop     context.CancelFunc
	receives int
}

func (q *fakeQueue) Receive(context.Context) ([]typed.Message, error) {
	q.receives++
	if q.fail > 0 {
		q.fail--
		return nil, fault.Errorf(fault.Unavailable, "throttled")
	}
	if q.rounds == 0 {
		q.stop()
		return nil, nil
	}
	q.rounds--
	return slices.Clone(q.messages), nil
}

func (q *fakeQueue) Delete(_ context.Context, m typed.Message) error {
	q.messages = slices.DeleteFunc(q.messages, func(other typed.Message) bool { return other.ID == m.ID })
	return nil
}

func TestPoll(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	q := &fakeQueue{rounds: 2, fail: 2, stop: stop, messages: []typed.Message{
		{ID: "m1", Body: order("e1", "o1")}, {ID: "m2", Body: order("e2", "bad")}, {ID: "m3", Body: "x"}, {ID: "m4", Body: `{"source":"x","detail-type":"New"}`}}}
	var seen, failed []string
	err := typed.Poll(ctx, q, consumer(&seen), &typed.PollOptions{OnError: func(m typed.Message, err error) { failed = append(failed, m.ID) }})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"placed o1 e1", "placed bad e2", "other New", "placed bad e2"}; !slices.Equal(seen, want) {
		t.Errorf("handlers saw %q, want %q", seen, want)
	}
	if want := []string{"", "", "m2", "m3", "m2", "m3"}; !slices.Equal(failed, want) {
		t.Errorf("errors of messages %q, want %q", failed, want)
	}
	if len(q.messages) != 2 || q.messages[0].ID != "m2" || q.messages[1].ID != "m3" {
		t.Errorf("the queue keeps %+v, want what failed", q.messages)
	}
	if err := typed.Poll(t.Context(), nil, nil, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("Poll without a queue: %v", err)
	}
}

// TestPollEndsBetweenMessages: what is being handled is finished, and its message
// deleted, although the context is done.
func TestPollEndsBetweenMessages(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	q := &fakeQueue{rounds: 5, stop: stop, messages: []typed.Message{{ID: "m1", Body: order("e1", "o1")}, {ID: "m2", Body: order("e2", "o2")}}}
	handled := 0
	c := typed.On(typed.NewRegistry(shop), func(ctx context.Context, _ orderPlaced) error {
		handled++
		stop()
		return ctx.Err()
	})
	if err := typed.Poll(ctx, q, c, nil); err != nil || handled != 1 || len(q.messages) != 1 {
		t.Errorf("%v; %d handled, %d messages left; want 1 and 1", err, handled, len(q.messages))
	}
}

var _ typed.Handlers = (*typed.Registry)(nil)

func TestDeliveryID(t *testing.T) {
	r := typed.NewRegistry(typed.RouterEvents())
	for _, c := range []struct{ source, id, detail, want string }{
		{events.OutputSource, "e1", `{"metadata":{"outputId":"o1"}}`, "output#o1"}, {events.OutputSource, "e1", `{}`, "blockforger-output#e1"},
		{"aws.ec2", "e1", `{}`, "aws.ec2#e1"}, {"aws.ec2", "", `{}`, ""},
	} {
		event, err := r.Decode(events.Envelope{Source: c.source, DetailType: "t", ID: c.id, Detail: []byte(c.detail)})
		if err != nil {
			t.Fatal(err)
		}
		if got := typed.DeliveryID(event); got != c.want {
			t.Errorf("%+v has the id %q", c, got)
		}
	}
}
