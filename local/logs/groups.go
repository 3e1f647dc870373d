package logs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/signal"
)

// The buckets that the file must have.
const (
	BucketGroups = "loggroups" // name
	BucketLines  = "logs"      // name of the group, NUL, number of the first line
)

const (
	// maxLine is where a line is cut, as CloudWatch Logs cuts it.
	maxLine = 256 << 10
	// flushEvery is how long a line may be in memory only.
	flushEvery = 500 * time.Millisecond
)

// Options say where the groups are and what is kept of them.
type Options struct {
	Account, Region string
	Keep            int // the newest lines of a group
	Now             func() time.Time
}

// Groups are the log groups of one account and region.
type Groups struct {
	opts Options
	file *datafile.File
	news signal.Signal

	mu     sync.Mutex
	byName map[string]*group
}

// A Line is one line of a log group.
type Line struct {
	Seq       uint64    `json:"seq"` // counts a group's lines, from 1
	Time      time.Time `json:"time"`
	RequestID string    `json:"requestId"`
	Text      string    `json:"text"`
}

// group is one log group. lines end with those not yet on disk.
type group struct {
	Created time.Time `json:"created"`

	lines   []Line
	unsaved int
	chunks  []chunk // on disk, the oldest first
	last    uint64  // the newest line's number
}

// chunk is where some lines lie on disk.
type chunk struct {
	first, last uint64 // line numbers; the first is in the key
}

// Open brings the groups of a file into memory.
func Open(file *datafile.File, opts Options) (*Groups, error) {
	g := &Groups{opts: opts, file: file, byName: map[string]*group{}}
	err := file.Each(BucketGroups, nil, func(key, record []byte) (bool, error) {
		one := &group{}
		g.byName[string(key)] = one
		return true, json.Unmarshal(record, one)
	})
	if err != nil {
		return nil, err
	}
	return g, file.Each(BucketLines, nil, func(key, record []byte) (bool, error) {
		name, _, _ := bytes.Cut(key, []byte{0})
		lines, err := decodeChunk(record)
		if err != nil || len(lines) == 0 {
			return false, fault.Errorf(fault.Internal, "a kept log cannot be read")
		}
		one := g.byName[string(name)]
		if one == nil {
			one = &group{Created: lines[0].Time}
			g.byName[string(name)] = one
		}
		one.lines = append(one.lines, lines...)
		one.last = lines[len(lines)-1].Seq
		one.chunks = append(one.chunks, chunk{lines[0].Seq, one.last})
		return true, nil
	})
}

func chunkKey(name string, first uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(name+"\x00"), first)
}

// Has tells whether there is a group of that name.
func (g *Groups) Has(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byName[name] != nil
}

// Add writes a line to a group, which is made where it is missing. It never
// fails: nobody's work must, for a log.
func (g *Groups) Add(name, requestID, text string) {
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	now := g.opts.Now()
	g.mu.Lock()
	one := g.byName[name]
	if one == nil {
		one = &group{Created: now}
		g.byName[name] = one
	}
	one.last++
	one.lines = append(one.lines, Line{Seq: one.last, Time: now, RequestID: requestID, Text: text})
	one.unsaved++
	// Trimmed now and then, so that a line does not cost a copy of all. What a
	// full disk has kept from being saved goes too, in the end.
	if len(one.lines) > 2*g.opts.Keep {
		one.lines = slices.Clone(one.lines[len(one.lines)-g.opts.Keep:])
		one.unsaved = min(one.unsaved, g.opts.Keep)
	}
	g.mu.Unlock()
	g.news.Raise()
}

// Run writes new lines to disk from time to time until ctx ends, and then what
// is left.
func (g *Groups) Run(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = g.Flush(context.WithoutCancel(ctx)) // who closes flushes again, and reports
			return
		case <-tick.C:
			_ = g.Flush(ctx) // the lines stay, and the next tick tries again
		}
	}
}

// Flush writes what is new to disk and removes chunks whose lines are all
// beyond the number that is kept.
func (g *Groups) Flush(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var writes []datafile.Write
	for name, one := range g.byName {
		if one.unsaved == 0 {
			continue
		}
		lines := one.lines[len(one.lines)-one.unsaved:]
		for _, part := range chunks(lines) {
			record, err := encodeChunk(part)
			if err != nil {
				return fault.Wrap("logs.Flush", fault.Internal, err)
			}
			writes = append(writes, g.file.Put(BucketLines, chunkKey(name, part[0].Seq), record))
		}
		for _, c := range one.stale(g.opts.Keep) {
			writes = append(writes, g.file.Remove(BucketLines, chunkKey(name, c.first)))
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if err := g.file.Commit(ctx, writes); err != nil {
		return err
	}
	for _, one := range g.byName {
		one.saved(g.opts.Keep)
	}
	return nil
}

// maxChunk is the size of the text in a chunk, unless it is one line. A page of the
// file is written again with every chunk on it.
const maxChunk = 64 << 10

// chunks divides lines into chunks.
func chunks(lines []Line) (list [][]Line) {
	for len(lines) > 0 {
		n, size := 1, len(lines[0].Text)
		for n < len(lines) && size+len(lines[n].Text) <= maxChunk {
			size += len(lines[n].Text)
			n++
		}
		list, lines = append(list, lines[:n]), lines[n:]
	}
	return list
}

// stale are the chunks that hold no line worth keeping.
func (one *group) stale(most int) []chunk {
	n := 0
	for n < len(one.chunks) && one.chunks[n].last+uint64(most) <= one.last {
		n++
	}
	return one.chunks[:n]
}

func (one *group) saved(most int) {
	if one.unsaved == 0 {
		return
	}
	one.chunks = one.chunks[len(one.stale(most)):]
	for _, part := range chunks(one.lines[len(one.lines)-one.unsaved:]) {
		one.chunks = append(one.chunks, chunk{part[0].Seq, part[len(part)-1].Seq})
	}
	one.unsaved = 0
}

// A Query says which lines are wanted; its zero value means all.
type Query struct {
	After  uint64 // only lines with a greater sequence number
	Since  time.Time
	Follow bool // go on with lines yet to come, until the context ends
}

// Lines yields the lines of a group, the oldest first, as far as they are kept.
// With Follow it ends with ctx. A group that does not exist has no lines yet.
func (g *Groups) Lines(ctx context.Context, name string, q Query) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for last := q.After; ; {
			news := g.news.Wait()
			for _, line := range g.after(name, last) {
				last = line.Seq
				if !line.Time.Before(q.Since) && !yield(line) {
					return
				}
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
	}
}

// after returns the kept lines with a higher number.
func (g *Groups) after(name string, seq uint64) []Line {
	g.mu.Lock()
	defer g.mu.Unlock()
	one := g.byName[name]
	if one == nil {
		return nil
	}
	kept := one.lines[max(0, len(one.lines)-g.opts.Keep):]
	i, _ := slices.BinarySearchFunc(kept, seq+1, func(line Line, seq uint64) int { return cmp.Compare(line.Seq, seq) })
	return slices.Clone(kept[i:])
}
