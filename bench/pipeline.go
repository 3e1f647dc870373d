package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/internal/admin"
)

// The load of the pipeline's measurement: calls of PutEvents with ten events each,
// from eight senders, which wait while more than maxBacklog events are not yet
// delivered.
const (
	pipelineEvents  = 20_000
	pipelineSenders = 8
	pipelineBatch   = 10
	maxBacklog      = 4000
)

// pipeline measures the whole local pipeline of `serve`: each event is accepted,
// processed, its output event published, delivered to the test function and
// logged. CPU time and bytes written are those of the server's process.
func pipeline(ctx context.Context, t *table) error {
	return withPipeline(ctx, func(s *pipelineServer) error {
		if err := s.send(ctx, pipelineEvents/4); err != nil { // warm up
			return err
		}
		used, err := s.measure(ctx, pipelineEvents)
		if err != nil {
			return err
		}
		t.row("local pipeline, events", fmt.Sprintf("%.0f/s", used.rate()), "", "", "2,500/s")
		t.row("local pipeline, CPU of an event", us(used.cpu/time.Duration(used.events)), "", "", "500 us")
		t.row("local pipeline, bytes written for an event", fmt.Sprintf("%.1f KB", used.bytesPerEvent()/1000), "", "", "15 KB")
		return nil
	})
}

// growth measures the same for PIPELINE_EVENTS events (1,000,000), in 20 parts, with
// memory, size of the data folder, and at the end the time of a start.
func growth(ctx context.Context, t *table) error {
	all := 1_000_000
	if text := os.Getenv("PIPELINE_EVENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return err
		}
		all = n
	}
	const parts = 20
	return withPipeline(ctx, func(s *pipelineServer) error {
		for i := range parts {
			used, err := s.measure(ctx, all/parts)
			if err != nil {
				return err
			}
			size, live, err := s.size()
			if err != nil {
				return err
			}
			row := fmt.Sprintf("%.0f/s, %s, %.1f KB, memory %s, data %s, local data %s", used.rate(), us(used.cpu/time.Duration(used.events)),
				used.bytesPerEvent()/1000, mb(used.resident), mb(size), mb(live))
			fmt.Fprintf(os.Stderr, "%d events: %s\n", (i+1)*all/parts, row)
			t.row(fmt.Sprintf("local pipeline after %d events", (i+1)*all/parts), row, "", "", "flat")
		}
		for range 3 {
			s.stop()
			begin := time.Now()
			if err := s.start(ctx); err != nil {
				return err
			}
			t.row("start of serve after that", ms(time.Since(begin)), "", "", "200 ms")
		}
		return nil
	})
}

// A pipelineServer is a process of `serve` under measurement.
type pipelineServer struct {
	binary, data, address string
	process               *exec.Cmd
	key                   string
	client                *http.Client

	sent atomic.Int64
	done atomic.Int64
}

// buildCommand builds the command as eventrouter in a new folder, which remove removes.
func buildCommand(ctx context.Context) (dir string, remove func(), err error) {
	if dir, err = os.MkdirTemp("", "eventrouter-bench-"); err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.RemoveAll(dir) }
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(dir, "eventrouter"), "./cmd/eventrouter")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		remove()
		return "", nil, err
	}
	return dir, remove, nil
}

func withPipeline(ctx context.Context, measure func(*pipelineServer) error) error {
	dir, remove, err := buildCommand(ctx)
	if err != nil {
		return err
	}
	defer remove()
	binary := filepath.Join(dir, "eventrouter")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &pipelineServer{binary: binary, data: filepath.Join(dir, "data"), address: l.Addr().String(),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: pipelineSenders + 1}}}
	if err := l.Close(); err != nil {
		return err
	}
	if err := s.start(ctx); err != nil {
		return err
	}
	defer s.stop()
	key, err := admin.NewClient(s.url()).CreateKey(ctx, admin.NewKey{Tenant: "evented", Permissions: []apikey.Permission{apikey.BackendCalls}})
	if err != nil {
		return err
	}
	s.key = key.Key
	return measure(s)
}

func (s *pipelineServer) url() string { return "http://" + s.address }

// start starts the server and waits until it responds.
func (s *pipelineServer) start(ctx context.Context) error {
	s.process = exec.CommandContext(ctx, s.binary, "serve", "--listen", s.address, "--data", s.data, "--schemas", benchTenants, "--demo-key=")
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		if resp, err := s.client.Get(s.url() + "/_/health"); err == nil {
			_ = resp.Body.Close()
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the server does not start")
		}
	}
}

func (s *pipelineServer) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}

// send sends events and waits until their output events have been delivered.
func (s *pipelineServer) send(ctx context.Context, events int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	goal := s.sent.Load() + int64(events)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for s.done.Load() < goal && ctx.Err() == nil {
			n, err := s.delivered()
			if err != nil {
				cancel(err)
			}
			s.done.Store(int64(n))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	var senders sync.WaitGroup
	var next atomic.Int64
	for range pipelineSenders {
		senders.Go(func() {
			for next.Add(pipelineBatch) <= int64(events) && ctx.Err() == nil {
				for s.sent.Load()-s.done.Load() > maxBacklog && ctx.Err() == nil {
					time.Sleep(5 * time.Millisecond)
				}
				if err := s.put(ctx); err != nil {
					cancel(err)
				}
			}
		})
	}
	senders.Wait()
	<-finished
	return context.Cause(ctx)
}

func (s *pipelineServer) put(ctx context.Context) error {
	type entry struct{ Source, DetailType, Detail string }
	entries := make([]entry, pipelineBatch)
	for i := range entries {
		n := s.sent.Add(1)
		entries[i] = entry{"blockforger-input", "evented.POST", fmt.Sprintf(
			`{"tenant":"evented","rootSchema":"evented","operation":"POST","api_key":%q,"payload":{"string":"%s","numeric":%d}}`, s.key, strings.Repeat("x", 200), n)}
	}
	var out struct{ FailedEntryCount int }
	if err := s.call(ctx, "AWSEvents.PutEvents", map[string]any{"Entries": entries}, &out); err != nil {
		return err
	}
	if out.FailedEntryCount > 0 {
		return fmt.Errorf("PutEvents rejected %d entries", out.FailedEntryCount)
	}
	return nil
}

// delivered returns how many output events the test function has got from this
// process.
func (s *pipelineServer) delivered() (sum float64, err error) {
	var out struct{ Datapoints []struct{ Sum float64 } }
	now := time.Now()
	err = s.call(context.Background(), "GraniteServiceVersion20100801.GetMetricStatistics", map[string]any{
		"Namespace": "AWS/Events", "MetricName": "Invocations", "Statistics": []string{"Sum"}, "Period": 3600,
		"StartTime": now.Add(-12 * time.Hour).Unix(), "EndTime": now.Add(time.Hour).Unix(),
		"Dimensions": []map[string]string{{"Name": "RuleName", "Value": "eventrouter-test-local"}}}, &out)
	for _, p := range out.Datapoints {
		sum += p.Sum
	}
	return sum, err
}

func (s *pipelineServer) call(ctx context.Context, target string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", target)
	resp, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", target, resp.Status, text)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(text, out)
}

// A pipelineUse is what a number of events cost.
type pipelineUse struct {
	events   int
	took     time.Duration
	cpu      time.Duration
	written  int64 // bytes
	resident int64 // bytes, at the end
}

func (u *pipelineUse) rate() float64          { return float64(u.events) / u.took.Seconds() }
func (u *pipelineUse) bytesPerEvent() float64 { return float64(u.written) / float64(u.events) }

// measure sends events and returns what they cost, with the writes that follow
// within a second.
func (s *pipelineServer) measure(ctx context.Context, events int) (*pipelineUse, error) {
	used := &pipelineUse{events: events}
	before, err := readUsage(s.process.Process.Pid)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := s.send(ctx, events); err != nil {
		return nil, err
	}
	used.took = time.Since(begin)
	time.Sleep(time.Second)
	after, err := readUsage(s.process.Process.Pid)
	used.cpu, used.written, used.resident = after.cpu-before.cpu, after.written-before.written, after.resident
	return used, err
}

// size returns the bytes of the data folder, and those of the local AWS services in it.
func (s *pipelineServer) size() (all, aws int64, err error) {
	err = filepath.WalkDir(s.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		all += info.Size()
		if filepath.Base(filepath.Dir(path)) == "aws" {
			aws += info.Size()
		}
		return nil
	})
	return all, aws, err
}

// A processUsage is what a process has used so far.
type processUsage struct {
	cpu               time.Duration
	written, resident int64 // written: by write calls, to files and sockets
}

// readUsage reads the usage of a process on Linux.
func readUsage(pid int) (u processUsage, err error) {
	read := func(name string) string {
		text, readErr := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		err = errors.Join(err, readErr)
		return string(text)
	}
	stat := read("stat")
	for i, field := range strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) {
		if i == 11 || i == 12 { // utime and stime, in ticks of 10 ms
			ticks, _ := strconv.ParseInt(field, 10, 64)
			u.cpu += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	number := func(text, name string) int64 {
		_, rest, _ := strings.Cut(text, "\n"+name+":")
		line, _, _ := strings.Cut(rest, "\n")
		n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 10, 64)
		return n
	}
	// Not write_bytes: with large folios it counts 2 MB for a changed page.
	u.written = number(read("io"), "wchar")
	u.resident = number(read("status"), "RssAnon") * 1024 // without the mapped files
	return u, err
}
