package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/local/eventbridge"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func healthOf(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url + "/_/health")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestHealthWhileEventsAreRefused: the server is not ready while it refuses events for
// want of space.
func TestHealthWhileEventsAreRefused(t *testing.T) {
	t.Parallel()
	srv, _ := serveWith(t, sampleSchemas, &awsFlags{MaxDataBytes: 2 << 20})
	if status, body := healthOf(t, srv.url); status != 200 || !strings.HasPrefix(body, "{\"status\":\"ready\",\"account\":\"000000000000\",\"region\":\"us-east-1\",\"schemas\":\"") || !strings.HasSuffix(body, "\"}\n") {
		t.Fatal(status, body)
	}
	refused := false
	for i := 0; i < 200 && !refused; i++ {
		_, err := srv.local.EventBridge.PutEvents(context.Background(), &eventbridge.PutEventsInput{Entries: []eventbridge.PutEventsRequestEntry{
			{Source: "a", DetailType: "b", Detail: `{"x":"` + strings.Repeat("x", 200<<10) + `"}`}}})
		refused = err != nil
	}
	if !refused {
		t.Fatal("nothing was refused")
	}
	if status, body := healthOf(t, srv.url); status != 503 || !strings.Contains(body, "not ready") || !strings.Contains(body, "no space") {
		t.Errorf("%d %s", status, body)
	}
}

// TestHealthWhereNothingCanBeWritten: a full disk refuses the probe as a missing folder does.
func TestHealthWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	srv, _ := serveHere(t, sampleSchemas)
	recorder := httptest.NewRecorder()
	(&health{data: filepath.Join(t.TempDir(), "missing"), local: srv.local}).ServeHTTP(recorder, httptest.NewRequest("GET", "/_/health", nil))
	if recorder.Code != 503 || !strings.Contains(recorder.Body.String(), "disk may be full") {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
	dir := t.TempDir()
	if err := writeProbe(dir); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("the probe left %v, %v", entries, err)
	}
}

// TestUnfinishedBodiesAreClosed: a caller that never sends the end of its body is answered
// and does not keep its connection.
func TestUnfinishedBodiesAreClosed(t *testing.T) {
	t.Parallel()
	flags := (&awsFlags{}).options(quiet())
	flags.BodyTimeout = 200 * time.Millisecond
	srv, stop := serveWithOptions(t, t.TempDir(), sampleSchemas, flags)
	defer stop()
	for _, target := range []string{"AWSEvents.PutEvents", "Logs_20140328.GetLogEvents", "AmazonSQS.SendMessage"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		begin := time.Now()
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: %s\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 1000\r\n\r\n{", target)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		answer, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "RequestTimeoutException") {
			t.Errorf("%s: after %v: %q, %v", target, time.Since(begin), answer, err)
		}
	}
}

// TestBodyTimeoutSparesLongCalls: it limits the time for sending, not the call.
func TestBodyTimeoutSparesLongCalls(t *testing.T) {
	t.Parallel()
	flags := (&awsFlags{}).options(quiet())
	flags.BodyTimeout = 200 * time.Millisecond
	srv, stop := serveWithOptions(t, t.TempDir(), sampleSchemas, flags)
	defer stop()
	aws := func(target, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequest("POST", srv.url+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", target)
		req.Header.Set("Content-Type", "application/x-amz-json-1.0")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(text)
	}
	if status, body := aws("AmazonSQS.CreateQueue", `{"QueueName":"q"}`); status != 200 {
		t.Fatal(status, body)
	}
	begin := time.Now()
	url := srv.url + "/000000000000/q"
	if status, body := aws("AmazonSQS.ReceiveMessage", `{"QueueUrl":"`+url+`","WaitTimeSeconds":1}`); status != 200 || time.Since(begin) < time.Second {
		t.Errorf("after %v: %d %s", time.Since(begin), status, body)
	}
}
