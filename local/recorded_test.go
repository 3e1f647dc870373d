package local_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

// TestRecorded runs the cases of testdata/recorded: calls, and what AWS was
// recorded to return for them. Each case has a server of its own. The lines of a
// case are
//
//	case NAME YYYY-MM-DD        the date of the recording
//	call SERVICE OPERATION JSON
//	want JSON                   the response to the call; nothing else is allowed
//	until JSON                  repeats the call until it returns this
//	error CODE MESSAGE          the error that the call returns; \n is a newline
//	message QUEUE JSON          receives and deletes a message with this body
//	nothing QUEUE               all deliveries have ended, and the queue is empty
//
// {{name}} stands for any text where it first occurs in a result, and for that
// text from then on, {{time}} for any number or text. A JSON value stands for a
// string that holds it. ACCOUNT, REGION
// and ARN (arn:aws:events:REGION:ACCOUNT) are those of the server.
func TestRecorded(t *testing.T) {
	t.Parallel()
	total := 0
	for _, c := range readRecorded(t) {
		total++
		t.Run(c.file+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			run := recordedRun{t: t, machine: start(t, t.TempDir(), local.Options{}, nil), known: map[string]string{}}
			for _, step := range c.steps {
				run.step(step)
				if t.Failed() {
					return
				}
			}
		})
	}
	if total < 240 {
		t.Errorf("only %d recorded cases", total)
	}
}

type recordedCase struct {
	file, name, date string
	steps            []recordedStep
}

type recordedStep struct {
	line       int
	verb, rest string
}

// readRecorded reads all cases of testdata/recorded.
func readRecorded(t testing.TB) []recordedCase {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recordedCase
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			verb, rest, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
			switch {
			case verb == "" || verb[0] == '#':
			case verb == "case":
				name, date, _ := strings.Cut(rest, " ")
				if _, err := time.Parse(time.DateOnly, date); err != nil {
					t.Fatalf("%s:%d: a case needs a name and the date of its recording: %v", file, n, err)
				}
				cases = append(cases, recordedCase{file: strings.TrimSuffix(filepath.Base(file), ".txt"), name: name, date: date})
			case len(cases) == 0:
				t.Fatalf("%s:%d: no case yet", file, n)
			default:
				c := &cases[len(cases)-1]
				c.steps = append(c.steps, recordedStep{n, verb, rest})
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	return cases
}

type recordedRun struct {
	t       *testing.T
	machine *machine
	known   map[string]string // the texts that placeholders stand for

	call   recordedStep // the last call
	status int          // and its response
	body   []byte
}

var placeholder = regexp.MustCompile(`\{\{[a-z0-9-]+\}\}`)

func (r *recordedRun) fill(text string) string {
	text = strings.NewReplacer("ARN:", "arn:aws:events:us-east-1:000000000000:", "ACCOUNT", "000000000000", "REGION", "us-east-1").Replace(text)
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		if known, ok := r.known[name]; ok {
			return known
		}
		return name
	})
}

func (r *recordedRun) step(s recordedStep) {
	r.t.Helper()
	first, rest, _ := strings.Cut(s.rest, " ")
	switch s.verb {
	case "call":
		r.call = s
		r.send(first, rest)
	case "want":
		if r.status != http.StatusOK {
			r.t.Fatalf("line %d: %d %s", s.line, r.status, r.body)
		}
		if problem := r.compare("", r.parse(s, r.fill(s.rest)), r.parse(s, string(r.body))); problem != "" {
			r.t.Errorf("line %d: %s\ngot  %s\nwant %s", s.line, problem, r.body, s.rest)
		}
	case "until":
		service, rest, _ := strings.Cut(r.call.rest, " ")
		eventually(r.t, fmt.Sprintf("line %d: %s", s.line, s.rest), func() bool {
			r.send(service, rest)
			return r.compare("", r.parse(s, r.fill(s.rest)), r.parse(s, string(r.body))) == ""
		})
	case "error":
		var got struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
		}
		if err := json.Unmarshal(r.body, &got); err != nil {
			r.t.Fatalf("line %d: %v in %s", s.line, err, r.body)
		}
		want := strings.ReplaceAll(r.fill(rest), `\n`, "\n")
		if r.status != http.StatusBadRequest || got.Type != first || got.Message != want {
			r.t.Errorf("line %d:\ngot  %d %s %s\nwant 400 %s %s", s.line, r.status, got.Type, got.Message, first, want)
		}
	case "message":
		r.receive(s, first, rest)
	case "nothing":
		eventually(r.t, "the end of the deliveries", func() bool { due, waiting := r.machine.Pending(); return due+waiting == 0 })
		if body := r.take(first, 0); body != "" {
			r.t.Errorf("line %d: %s holds %s", s.line, first, body)
		}
	default:
		r.t.Fatalf("line %d: unknown line %s", s.line, s.verb)
	}
}

func (r *recordedRun) parse(s recordedStep, text string) any {
	r.t.Helper()
	if text == "" {
		text = "{}"
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		r.t.Fatalf("line %d: %v in %s", s.line, err, text)
	}
	return v
}

// targetPrefixes are those of X-Amz-Target.
var targetPrefixes = map[string]string{"events": "AWSEvents", "sqs": "AmazonSQS", "logs": "Logs_20140328"}

func (r *recordedRun) send(service, rest string) {
	r.t.Helper()
	operation, input, _ := strings.Cut(rest, " ")
	r.post(targetPrefixes[service]+"."+operation, r.fill(input))
}

func (r *recordedRun) post(target, input string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.machine.url, strings.NewReader(input))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if r.body, err = io.ReadAll(resp.Body); err != nil {
		r.t.Fatal(err)
	}
	r.status = resp.StatusCode
}

// take receives and deletes one message of a queue and returns its body, "" if
// there is none.
func (r *recordedRun) take(queue string, wait int) string {
	r.t.Helper()
	url := r.machine.url + "/000000000000/" + queue
	r.post("AmazonSQS.ReceiveMessage", fmt.Sprintf(`{"QueueUrl":%q,"WaitTimeSeconds":%d}`, url, wait))
	var out struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if err := json.Unmarshal(r.body, &out, json.MatchCaseInsensitiveNames(true)); err != nil || r.status != http.StatusOK {
		r.t.Fatalf("receive from %s: %s", queue, r.body)
	}
	if len(out.Messages) == 0 {
		return ""
	}
	r.post("AmazonSQS.DeleteMessage", fmt.Sprintf(`{"QueueUrl":%q,"ReceiptHandle":%q}`, url, out.Messages[0].ReceiptHandle))
	return out.Messages[0].Body
}

func (r *recordedRun) receive(s recordedStep, queue, want string) {
	r.t.Helper()
	got := r.take(queue, 20)
	if got == "" {
		r.t.Fatalf("line %d: no message in %s", s.line, queue)
	}
	if strings.HasPrefix(want, "text ") {
		if want = strings.TrimPrefix(want, "text "); r.fill(want) != got {
			r.t.Errorf("line %d:\ngot  %s\nwant %s", s.line, got, want)
		}
		return
	}
	if problem := r.compare("", r.parse(s, r.fill(want)), r.parse(s, got)); problem != "" {
		r.t.Errorf("line %d: %s\ngot  %s\nwant %s", s.line, problem, got, want)
	}
}

// compare returns the first difference of two JSON values, "" if there is none.
func (r *recordedRun) compare(at string, want, got any) string {
	switch w := want.(type) {
	case string:
		if _, number := got.(float64); number && w == "{{time}}" {
			return ""
		}
		return r.compareText(at, w, got)
	case map[string]any:
		g, ok := inner[map[string]any](got)
		if !ok {
			return fmt.Sprintf("%s is %v, not an object", at, got)
		}
		for name := range g {
			if _, ok := w[name]; !ok {
				return fmt.Sprintf("%s/%s is not in the recording", at, name)
			}
		}
		for name, v := range w {
			if _, ok := g[name]; !ok {
				return fmt.Sprintf("%s/%s is missing", at, name)
			}
			if problem := r.compare(at+"/"+name, v, g[name]); problem != "" {
				return problem
			}
		}
		return ""
	case []any:
		g, ok := inner[[]any](got)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %v, not a list of %d", at, got, len(w))
		}
		for i := range w {
			if problem := r.compare(fmt.Sprintf("%s/%d", at, i), w[i], g[i]); problem != "" {
				return problem
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s is %v, want %v", at, got, want)
	}
	return ""
}

// inner returns v, or the JSON that v holds as a string.
func inner[T any](v any) (T, bool) {
	if text, ok := v.(string); ok {
		var parsed any
		if json.Unmarshal([]byte(text), &parsed) == nil {
			v = parsed
		}
	}
	t, ok := v.(T)
	return t, ok
}

func (r *recordedRun) compareText(at, want string, got any) string {
	names := placeholder.FindAllString(want, -1)
	text, ok := got.(string)
	expr := "^"
	for i, literal := range placeholder.Split(want, -1) {
		if i > 0 {
			expr += "(.+)"
		}
		expr += regexp.QuoteMeta(literal)
	}
	m := regexp.MustCompile(expr + "$").FindStringSubmatch(text)
	if !ok || m == nil {
		return fmt.Sprintf("%s is %q, want %q", at, got, want)
	}
	for i, name := range names {
		if name != "{{time}}" {
			r.known[name] = m[i+1]
		}
	}
	return ""
}
