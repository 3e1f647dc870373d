package delivery

import (
	"context"
	"log/slog"
	"time"

	"github.com/blockforger/eventrouter/local/datafile"
)

// A completion is what an attempt leaves to be done: writes, and a function that
// runs once they are durable.
type completion struct {
	writes []datafile.Write
	after  func() // may be nil
}

// A completer commits completions in batches. A completion that a crash prevents
// makes its attempt run again.
type completer struct {
	file    *datafile.File
	queue   *queue
	log     *slog.Logger
	pending chan completion
}

func newCompleter(file *datafile.File, queue *queue, log *slog.Logger) *completer {
	return &completer{file: file, queue: queue, log: log, pending: make(chan completion, 1024)}
}

func (c *completer) add(one completion) {
	c.queue.ending(1)
	c.pending <- one
}

// run commits completions until ended is closed and all are committed.
func (c *completer) run(ended <-chan struct{}) {
	const maxBatch = 1000
	for {
		var batch []completion
		select {
		case one := <-c.pending:
			batch = append(batch, one)
		case <-ended:
			if len(c.pending) == 0 {
				return
			}
		}
		for len(batch) < maxBatch && len(c.pending) > 0 {
			batch = append(batch, <-c.pending)
		}
		var writes []datafile.Write
		for _, one := range batch {
			writes = append(writes, one.writes...)
		}
		c.commit(writes, ended)
		for _, one := range batch {
			if one.after != nil {
				one.after()
			}
		}
		c.queue.ending(-len(batch))
	}
}

// commit retries while the disk is full. It may give up after ended is closed:
// a delivery whose end is not stored is made again after a restart.
func (c *completer) commit(batch []datafile.Write, ended <-chan struct{}) {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := c.file.Commit(context.Background(), batch)
		if err == nil {
			return
		}
		c.log.Error("what deliveries leave behind could not be written; trying again", "error", err)
		select {
		case <-ended:
			return
		case <-time.After(wait):
		}
	}
}
