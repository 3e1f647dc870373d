package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/awstest"
)

// asCommand makes the test binary be the command itself, so that tests can run
// it in separate processes, and kill them.
const asCommand = "EVENTROUTER_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
		stop()
		os.Exit(code)
	}
	os.Exit(awstest.Main(m))
}

const sampleSchemas = "../../schemas"

// serveHere serves in this process until the test ends, and returns the server and
// its log.
func serveHere(t *testing.T, schemas string) (*server, *syncBuffer) {
	t.Helper()
	return serveWith(t, schemas, &awsFlags{})
}

// serveWith is serveHere with flags.
func serveWith(t *testing.T, schemas string, flags *awsFlags) (*server, *syncBuffer) {
	t.Helper()
	var out syncBuffer
	srv, err := openServer("127.0.0.1:0", t.TempDir(), schemas, flags.options(slog.New(slog.NewTextHandler(&out, nil))))
	if err != nil {
		t.Fatal(err)
	}
	runServer(t, srv)
	return srv, &out
}

// runServer runs a server until the test ends.
func runServer(t *testing.T, srv *server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := srv.close(); err != nil {
			t.Error(err)
		}
	})
}

// syncBuffer collects what several goroutines write.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *syncBuffer) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *syncBuffer) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// runCLI runs a command line in this process, against the server at an endpoint
// if that is not "".
func runCLI(t *testing.T, endpoint string, args ...string) (code int, out, errOut string) {
	t.Helper()
	return runCLIWithInput(t, endpoint, "", args...)
}

// runCLIWithInput is runCLI with standard input.
func runCLIWithInput(t *testing.T, endpoint, in string, args ...string) (code int, out, errOut string) {
	t.Helper()
	if endpoint != "" {
		args = append(slices.Clone(args), "--endpoint-url", endpoint)
	}
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

// process is `serve` in a separate process, always at the same address.
type process struct {
	t             *testing.T
	address, data string
	schemas       string
	cmd           *exec.Cmd
	out           syncBuffer
}

func newProcess(t *testing.T) *process {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := &process{t: t, address: l.Addr().String(), data: t.TempDir(), schemas: sampleSchemas}
	t.Cleanup(p.kill)
	return p
}

func (p *process) url() string { return "http://" + p.address }

func (p *process) start() {
	p.t.Helper()
	schemas, err := filepath.Abs(p.schemas)
	if err != nil {
		p.t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0], "serve", "--listen", p.address, "--data", p.data, "--schemas", schemas)
	p.cmd.Env = append(os.Environ(), asCommand+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(p.url() + "/_/health"); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
	}
	p.t.Fatalf("the server does not answer; it wrote:\n%s", p.out.String())
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	p.cmd = nil
}

func makeKey(t *testing.T, endpoint string, id events.TenantID) admin.CreatedKey {
	t.Helper()
	key, err := admin.NewClient(endpoint).CreateKey(t.Context(), admin.NewKey{Tenant: id, Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// inputEntry is an input event for the schema evented of the tenant evented.
func inputEntry(key, operation, payload, extra string) putEntry {
	return putEntry{Source: "blockforger-input", DetailType: "evented." + operation,
		Detail: detail(fmt.Sprintf(`{"tenant":"evented","rootSchema":"evented","operation":%q,"api_key":%q,"payload":%s%s}`, operation, key, payload, extra))}
}

// eventually waits for something that takes its time.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("did not come about: %s", what)
}
