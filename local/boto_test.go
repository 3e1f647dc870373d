package local_test

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"testing"

	"github.com/blockforger/eventrouter/local"
)

// boto runs a script of testdata against the machine; a test is skipped where
// there is no boto3.
func (m *machine) boto(script string) {
	m.t.Helper()
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		m.t.Skip("python3 with boto3 is not on the PATH")
	}
	if out, err := exec.Command("python3", "testdata/"+script, m.url).CombinedOutput(); err != nil {
		m.t.Errorf("%s: %v\n%s", script, err, out)
	}
}

func TestBotoEvents(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, nil)
	m.boto("events.py")
}

func TestBotoSQS(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{}, nil).boto("sqs.py")
}

func TestBotoTargets(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{}, nil).boto("targets.py")
}

func TestBotoLogs(t *testing.T) {
	t.Parallel()
	m := start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Register("talker", func(_ context.Context, p []byte, log io.Writer) ([]byte, error) {
			_, err := io.WriteString(log, "one\ntwo "+string(p))
			return nil, err
		})
	})
	for _, p := range []string{"a", "b", "c"} {
		if _, _, err := m.Invoke(context.Background(), "talker", "req-"+p, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
	m.boto("logs.py")
}

func TestBotoArchives(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{}, func(s *local.Server) {
		s.Register("box", logPayload)
		wire(t, s, "in", `{"source":["a"]}`, "box")
	}).boto("archives.py")
}

func TestBotoScheduler(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{}, func(s *local.Server) { s.Register("box", logPayload) }).boto("scheduler.py")
}

// logPayload is a function that logs what it gets.
func logPayload(_ context.Context, p []byte, log io.Writer) ([]byte, error) {
	_, err := log.Write(p)
	return nil, err
}

func TestBotoFunctions(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{EnforcePermissions: true, RetryDelays: quick}, func(s *local.Server) {
		s.Register("box", func(ctx context.Context, p []byte, log io.Writer) ([]byte, error) {
			_, err := logPayload(ctx, p, log)
			return p, err
		})
		s.Register("bad", func(context.Context, []byte, io.Writer) ([]byte, error) { return nil, errors.New("bad") })
	}).boto("functions.py")
}

func TestBotoMetrics(t *testing.T) {
	t.Parallel()
	start(t, t.TempDir(), local.Options{}, func(s *local.Server) { s.Register("box", logPayload) }).boto("metrics.py")
}
