package local_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/internal/awstest"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
)

// killedDir, set in the environment, makes the test binary a server that keeps
// its data there, until it is killed.
const killedDir = "LOCAL_TEST_KILLED_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedDir); dir != "" {
		if err := serveUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(awstest.Main(m))
}

// serveUntilKilled runs a function that notes each event in a file, and prints
// the server's address.
func serveUntilKilled(dir string) error {
	noted, err := os.OpenFile(filepath.Join(dir, "noted"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s, err := local.Open(dir, &local.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	s.Functions.Register("note", func(_ context.Context, payload []byte, _ io.Writer) ([]byte, error) {
		var e struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(payload, &e); err != nil {
			return nil, err
		}
		_, err := io.WriteString(noted, e.ID+"\n")
		return nil, err
	})
	ctx := context.Background()
	if _, err := s.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: "r", EventPattern: `{"source":["a"]}`}); err != nil {
		return err
	}
	if _, err := s.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: "r", Targets: []delivery.Target{
		{Id: "1", Arn: "arn:aws:lambda:us-east-1:000000000000:function:note"}}}); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	go func() { _ = http.Serve(l, s.Handler()) }()
	return s.Run(ctx)
}

// Killed again and again under load, the server loses no event that it has
// acknowledged.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	for round := range 6 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killedDir+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		kill := sync.OnceFunc(func() { _ = child.Process.Kill(); _ = child.Wait() })
		t.Cleanup(kill)
		address, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if round == 5 { // the last one may live, to deliver what is left
			awaitNoted(t, filepath.Join(dir, "noted"), acknowledged)
			kill()
			break
		}
		var senders sync.WaitGroup
		for range 8 {
			senders.Go(func() {
				for {
					ids, err := putTwo(strings.TrimSpace(address))
					if err != nil {
						return // the server is gone
					}
					mu.Lock()
					for _, id := range ids {
						acknowledged[id] = true
					}
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(50+rand.IntN(200)) * time.Millisecond)
		kill()
		senders.Wait()
	}
	t.Logf("%d events were acknowledged over 5 kills", len(acknowledged))
	if len(acknowledged) < 50 {
		t.Errorf("only %d events were acknowledged: the test proves little", len(acknowledged))
	}
}

func awaitNoted(t *testing.T, file string, want map[string]bool) {
	t.Helper()
	missing := 0
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		noted := map[string]bool{}
		for line := range bytes.Lines(data) {
			noted[string(bytes.TrimSpace(line))] = true
		}
		missing = 0
		for id := range want {
			if !noted[id] {
				missing++
			}
		}
		if missing == 0 {
			return
		}
	}
	t.Errorf("%d of %d acknowledged events were never delivered", missing, len(want))
}

// putTwo sends a call of two events by hand: an SDK would hide the cut by
// sending again.
func putTwo(url string) (ids []string, err error) {
	entry := `{"Source":"a","DetailType":"b","Detail":"{\"x\":1}"}`
	r, err := http.NewRequest("POST", url, strings.NewReader(`{"Entries":[`+entry+`,`+entry+`]}`))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AWSEvents.PutEvents")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var out eventbridge.PutEventsOutput
	if err := json.Unmarshal(body, &out); err != nil {
		return nil, err
	}
	for _, e := range out.Entries {
		ids = append(ids, e.EventId)
	}
	return ids, nil
}
