package local

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/keep"
)

// A LogLine is one line that a function wrote.
type LogLine struct {
	Seq       uint64    `json:"seq"` // counts a function's lines, from 1
	Time      time.Time `json:"time"`
	RequestID string    `json:"requestId"`
	Text      string    `json:"text"`
}

const (
	// maxLogLine is where a line is cut, as CloudWatch Logs cuts it.
	maxLogLine = 256 << 10
	// logFlushEvery is how long a line may be in memory only.
	logFlushEvery = 500 * time.Millisecond
)

// logKeeper keeps the newest lines of each function. Lines lie in memory, and
// on disk in chunks of what was new at each flush: a log must not cost a
// transaction a line. What a crash takes is the last half second of it.
type logKeeper struct {
	keep *keep.File
	most int // lines of a function
	now  func() time.Time
	news signal

	mu        sync.Mutex
	functions map[string]*functionLog
}

// functionLog is the log of one function. lines end with those not yet on disk.
type functionLog struct {
	lines   []LogLine
	unsaved int
	chunks  []logChunk // on disk, the oldest first
	last    uint64     // the newest line's number
}

// logChunk is where some lines lie on disk.
type logChunk struct {
	first, last uint64 // line numbers; the first is in the key
}

func newLogKeeper(k *keep.File, most int, now func() time.Time) *logKeeper {
	return &logKeeper{keep: k, most: most, now: now, functions: map[string]*functionLog{}}
}

func logKey(function string, first uint64) []byte {
	return append(append([]byte(function), 0), seqKey(first)...)
}

func (l *logKeeper) load() error {
	return l.keep.Each(bucketLogs, nil, func(key, record []byte) (bool, error) {
		name, _, ok := bytes.Cut(key, []byte{0})
		var lines []LogLine
		if err := json.Unmarshal(record, &lines); err != nil || !ok || len(lines) == 0 {
			return false, fault.New(fault.Internal, "a kept log cannot be read")
		}
		f := l.function(string(name))
		f.lines = append(f.lines, lines...)
		f.last = lines[len(lines)-1].Seq
		f.chunks = append(f.chunks, logChunk{lines[0].Seq, f.last})
		return true, nil
	})
}

// function finds or makes a function's log. The keeper is locked, or not yet
// shared.
func (l *logKeeper) function(name string) *functionLog {
	f := l.functions[name]
	if f == nil {
		f = &functionLog{}
		l.functions[name] = f
	}
	return f
}

func (l *logKeeper) add(function, requestID, text string) {
	if len(text) > maxLogLine {
		text = text[:maxLogLine]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	l.mu.Lock()
	f := l.function(function)
	f.last++
	f.lines = append(f.lines, LogLine{Seq: f.last, Time: l.now(), RequestID: requestID, Text: text})
	f.unsaved++
	// Trimmed now and then, so that a line does not cost a copy of all. What a
	// full disk has kept from being saved goes too, in the end.
	if len(f.lines) > 2*l.most {
		f.lines = slices.Clone(f.lines[len(f.lines)-l.most:])
		f.unsaved = min(f.unsaved, l.most)
	}
	l.mu.Unlock()
	l.news.raise()
}

// run writes new lines to disk from time to time until ctx ends.
func (l *logKeeper) run(ctx context.Context) {
	tick := time.NewTicker(logFlushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = l.flush(context.WithoutCancel(ctx)) // Close tries again, and reports
			return
		case <-tick.C:
			_ = l.flush(ctx)
		}
	}
}

// flush writes what is new to disk and removes chunks whose lines are all
// beyond the number that is kept.
func (l *logKeeper) flush(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var writes []keep.Write
	for name, f := range l.functions {
		if f.unsaved == 0 {
			continue
		}
		lines := f.lines[len(f.lines)-f.unsaved:]
		record, err := json.Marshal(lines)
		if err != nil {
			return fault.E("local.logs.flush", fault.Internal, err)
		}
		writes = append(writes, l.keep.Put(bucketLogs, logKey(name, lines[0].Seq), record))
		for _, c := range f.stale(l.most) {
			writes = append(writes, l.keep.Remove(bucketLogs, logKey(name, c.first)))
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if err := l.keep.Commit(ctx, writes); err != nil {
		return err
	}
	for _, f := range l.functions {
		f.saved(l.most)
	}
	return nil
}

// stale are the chunks that hold no line worth keeping.
func (f *functionLog) stale(most int) []logChunk {
	n := 0
	for n < len(f.chunks) && f.chunks[n].last+uint64(most) <= f.last {
		n++
	}
	return f.chunks[:n]
}

func (f *functionLog) saved(most int) {
	if f.unsaved == 0 {
		return
	}
	f.chunks = append(f.chunks[len(f.stale(most)):], logChunk{f.last - uint64(f.unsaved) + 1, f.last})
	f.unsaved = 0
}

// after returns the kept lines with a higher number that are not older.
func (l *logKeeper) after(function string, seq uint64, since time.Time) []LogLine {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := l.functions[function]
	if f == nil {
		return nil
	}
	kept := f.lines[max(0, len(f.lines)-l.most):]
	i, _ := slices.BinarySearchFunc(kept, seq+1, func(line LogLine, seq uint64) int { return cmp.Compare(line.Seq, seq) })
	var lines []LogLine
	for _, line := range kept[i:] {
		if !line.Time.Before(since) {
			lines = append(lines, line)
		}
	}
	return lines
}

// A LogQuery says which lines are wanted; its zero value means all.
type LogQuery struct {
	Since  time.Time
	Follow bool // go on with lines yet to come, until the context ends
}

// Logs yields the lines of a function, the oldest first, as far as they are
// kept (see Options.KeepLogLines). With Follow it ends with ctx. A function
// that has neither been registered nor written anything is NotFound.
func (s *Server) Logs(ctx context.Context, function string, q LogQuery) (iter.Seq[LogLine], error) {
	if _, known := s.function(function); !known && !s.logs.has(function) {
		return nil, fault.New(fault.NotFound, "function %q does not exist here", clip(function))
	}
	return func(yield func(LogLine) bool) {
		for last := uint64(0); ; {
			news := s.logs.news.wait()
			for _, line := range s.logs.after(function, last, q.Since) {
				if !yield(line) {
					return
				}
				last = line.Seq
			}
			if !q.Follow {
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-news:
			}
		}
	}, nil
}

func (l *logKeeper) has(function string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.functions[function] != nil
}

// writer returns the log writer of one invocation. It cuts what is written into
// lines. It may be used concurrently, but not after end.
func (l *logKeeper) writer(function, requestID string) *logWriter {
	return &logWriter{keeper: l, function: function, requestID: requestID}
}

type logWriter struct {
	keeper              *logKeeper
	function, requestID string

	mu   sync.Mutex
	rest []byte // an unfinished line
}

// Write never fails: a function must not, for its log.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte{'\n'})
		if !ok {
			break
		}
		w.keeper.add(w.function, w.requestID, string(line))
		w.rest = rest
	}
	if len(w.rest) > maxLogLine {
		w.keeper.add(w.function, w.requestID, string(w.rest))
		w.rest = nil
	}
	return len(p), nil
}

// end writes an unfinished line.
func (w *logWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.rest) > 0 {
		w.keeper.add(w.function, w.requestID, string(w.rest))
		w.rest = nil
	}
}

// Functions lists the names of the functions that are registered.
func (s *Server) Functions() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedKeys(s.functions)
}
