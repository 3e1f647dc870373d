package local_test

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"testing"

	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/functions"
)

// The scripts of testdata are what a person does with boto3, each against a
// machine of its own. The test is skipped where there is no boto3.
func TestBoto(t *testing.T) {
	t.Parallel()
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		t.Skip("python3 with boto3 is not on the PATH")
	}
	registers := func(name string, f functions.Handler) func(*local.Server) {
		return func(s *local.Server) { s.Functions.Register(name, f) }
	}
	args := []string{"testdata/run.py"}
	for _, script := range []struct {
		name  string
		opts  local.Options
		setup func(*local.Server)
	}{
		{"events.py", local.Options{}, nil},
		{"sqs.py", local.Options{}, nil},
		{"targets.py", local.Options{}, nil},
		{"logs.py", local.Options{}, func(s *local.Server) {
			s.Functions.Register("talker", talk)
			for _, p := range []string{"a", "b", "c"} {
				if _, _, err := s.Functions.Invoke(context.Background(), "talker", "req-"+p, []byte(p)); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"archives.py", local.Options{}, func(s *local.Server) {
			s.Functions.Register("box", logPayload)
			wire(t, s, "in", `{"source":["a"]}`, "box")
		}},
		{"scheduler.py", local.Options{}, registers("box", logPayload)},
		{"metrics.py", local.Options{}, registers("box", logPayload)},
		{"functions.py", local.Options{EnforcePermissions: true, RetryDelays: quick}, func(s *local.Server) {
			s.Functions.Register("box", func(ctx context.Context, p []byte, log io.Writer) ([]byte, error) {
				_, err := logPayload(ctx, p, log)
				return p, err
			})
			s.Functions.Register("bad", func(context.Context, []byte, io.Writer) ([]byte, error) { return nil, errors.New("bad") })
		}},
	} {
		args = append(args, script.name, start(t, t.TempDir(), script.opts, script.setup).url)
	}
	out, err := exec.Command("python3", args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// logPayload is a function that logs what it gets.
func logPayload(_ context.Context, p []byte, log io.Writer) ([]byte, error) {
	_, err := log.Write(p)
	return nil, err
}

func talk(_ context.Context, p []byte, log io.Writer) ([]byte, error) {
	_, err := io.WriteString(log, "one\ntwo "+string(p))
	return nil, err
}
