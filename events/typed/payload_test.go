package typed_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
)

func TestDecodePayload(t *testing.T) {
	quoted := strconv.Quote(placed)
	record := func(id, body string) string {
		return `{"messageId":"` + id + `","eventSource":"aws:sqs","body":` + body + `,"attributes":{}}`
	}
	sns := strconv.Quote(`{"Type":"Notification","MessageId":"sns-1","Message":` + quoted + `}`)
	cases := map[string]struct {
		payload  string
		messages string // of each delivery, in order
	}{
		"event":             {placed, "-"},
		"array":             {"[" + placed + "," + placed + "]", "- -"},
		"SQS batch":         {`{"Records":[` + record("m1", quoted) + `,` + record("m2", quoted) + `]}`, "m1 m2"},
		"empty SQS batch":   {`{"Records":[]}`, ""},
		"array in a body":   {`{"Records":[` + record("m1", strconv.Quote("["+placed+","+placed+"]")) + `]}`, "m1 m1"},
		"ReceiveMessage":    {`{"Messages":[{"MessageId":"m3","ReceiptHandle":"r","Body":` + quoted + `}]}`, "m3"},
		"one message":       {`{"MessageId":"m4","Body":` + quoted + `}`, "m4"},
		"SNS in SQS":        {`{"Records":[` + record("m5", sns) + `]}`, "m5"},
		"failed invocation": {`{"version":"1.0","requestContext":{},"requestPayload":` + placed + `}`, "-"},
	}
	r := typed.NewRegistry(shop)
	for name, c := range cases {
		found, err := r.DecodePayload([]byte(c.payload))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var messages []string
		for _, d := range found {
			if d.Err != nil || !is[orderPlaced](d.Event) {
				t.Errorf("%s: decoded as %T, %v", name, d.Event, d.Err)
			}
			if d.MessageID == "" {
				d.MessageID = "-"
			}
			messages = append(messages, d.MessageID)
		}
		if got := strings.Join(messages, " "); got != c.messages {
			t.Errorf("%s: deliveries of messages %q, want %q", name, got, c.messages)
		}
	}
}

func TestDecodePayloadBlamesTheOneMessage(t *testing.T) {
	payload := `{"Records":[{"messageId":"bad","body":"not json"},{"messageId":"worse"},` +
		`{"messageId":"good","body":` + strconv.Quote(placed) + `}]}`
	found, err := typed.NewRegistry(shop).DecodePayload([]byte(payload))
	if err != nil || len(found) != 3 {
		t.Fatalf("%d deliveries, %v", len(found), err)
	}
	if found[0].MessageID != "bad" || fault.CodeOf(found[0].Err) != fault.Invalid || found[0].Event != nil {
		t.Errorf("bad message: %+v", found[0])
	}
	if found[1].MessageID != "worse" || found[1].Err == nil {
		t.Errorf("message without body: %+v", found[1])
	}
	if found[2].MessageID != "good" || found[2].Err != nil {
		t.Errorf("good message: %+v", found[2])
	}
}

func TestDecodePayloadRefuses(t *testing.T) {
	deep := placed
	for range 6 {
		deep = `{"requestPayload":` + deep + `}`
	}
	for name, payload := range map[string]string{
		"nothing": ``, "text": `hello`, "number": `7`, "null": `null`, "object": `{}`, "two": `{} {}`,
		"repeated name": `{"a":1,"a":2}`, "too many wrappers": deep,
		"deep": strings.Repeat("[", 70) + strings.Repeat("]", 70),
		"long": `"` + strings.Repeat("x", 17<<20) + `"`,
	} {
		if found, err := (&typed.Registry{}).DecodePayload([]byte(payload)); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, %v; want Invalid", name, found, err)
		}
	}
}

func TestDecodePayloadLargerThanAnEvent(t *testing.T) {
	message := `{"messageId":"m","body":` + strconv.Quote(placed) + `,"pad":"` + strings.Repeat("x", 700<<10) + `"}`
	found, err := typed.NewRegistry(shop).DecodePayload([]byte(`{"Records":[` + message + `,` + message + `]}`))
	if err != nil || len(found) != 2 || found[1].Err != nil {
		t.Errorf("%d deliveries, %v", len(found), err)
	}
}

func TestDecodeStream(t *testing.T) {
	r := typed.NewRegistry(shop)
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"lines":           {placed + "\n" + placed + "\n", 2},
		"array":           {"[" + placed + ",\n" + placed + "]", 2},
		"nested array":    {"[[" + placed + "]," + placed + "]", 2},
		"array and lines": {"[" + placed + "]\n" + placed, 2},
		"empty":           {" \n", 0},
	} {
		n := 0
		for d, err := range r.DecodeStream(strings.NewReader(c.text)) {
			if err != nil || d.Err != nil || !is[orderPlaced](d.Event) {
				t.Errorf("%s: %+v, %v", name, d, err)
			}
			n++
		}
		if n != c.want {
			t.Errorf("%s: %d events, want %d", name, n, c.want)
		}
	}
	for _, text := range []string{placed + "\n{", "[" + placed, "[1 2]", "]", placed + "x"} {
		var last error
		for _, err := range r.DecodeStream(strings.NewReader(text)) {
			if last != nil {
				t.Errorf("%q: the stream goes on after an error", text)
			}
			last = err
		}
		if !fault.Is(last, fault.Invalid) {
			t.Errorf("%q: error %v, want Invalid", text, last)
		}
	}
}

func TestDecodeStreamStops(t *testing.T) {
	for range typed.NewRegistry(shop).DecodeStream(strings.NewReader(placed + placed)) {
		break
	}
}
