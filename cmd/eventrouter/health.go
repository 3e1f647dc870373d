package main

import (
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local"
)

const (
	// probeSize is the space that must be free on the disk: the largest request.
	probeSize = 1 << 20
	// probeEvery is the time for which the result of a probe is cached.
	probeEvery = time.Second
)

// health serves /_/health: 200 if a request can be stored, else 503 with the reason.
type health struct {
	data  string // the data folder
	local *local.Server

	mu     sync.Mutex
	probed time.Time
	result error
}

type healthStatus struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func (h *health) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	code, status := http.StatusOK, healthStatus{Status: "ready"}
	switch {
	case h.probe() != nil:
		code, status = http.StatusServiceUnavailable, healthStatus{"not ready", "the data folder cannot be written to; the disk may be full"}
	case h.local.EventBridge.OutOfSpace():
		code, status = http.StatusServiceUnavailable, healthStatus{"not ready", "events are rejected: no space is left for them"}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	body, _ := json.Marshal(status)
	_, _ = w.Write(append(body, '\n'))
}

// probe writes and removes a file in the data folder.
func (h *health) probe() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.probed) < probeEvery {
		return h.result
	}
	h.result = writeProbe(h.data)
	h.probed = time.Now()
	return h.result
}

func writeProbe(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync() // some file systems allocate space only now
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
