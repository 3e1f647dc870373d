package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"
)

// plainServer, as the first argument, makes this program the server that restPosts
// compares with.
const plainServer = "plain-server"

// restPosts compares POST requests to the REST API of `serve` with a plain net/http
// server that stores the same body by one durable bbolt commit: both in processes of
// their own, in turn. The plain server commits by Update or by Batch, whichever is
// faster with that number of clients.
func restPosts(ctx context.Context, t *table) error {
	return withPipeline(ctx, func(s *pipelineServer) error {
		plain, err := startPlain(ctx, filepath.Join(filepath.Dir(s.data), "plain.db"))
		if err != nil {
			return err
		}
		defer func() { _ = plain.process.Process.Kill(); _ = plain.process.Wait() }()
		for _, c := range []struct {
			clients int
			aim     string
		}{{1, "0.6"}, {8, "0.7"}, {64, "0.8"}} {
			var ours, update, batch []float64
			var cpu []time.Duration
			for range 5 {
				for _, side := range []struct {
					url   string
					pid   int
					rates *[]float64
				}{
					{s.url() + "/api/evented/evented", s.process.Process.Pid, &ours},
					{plain.url + "/update", 0, &update},
					{plain.url + "/batch", 0, &batch},
				} {
					before := processUsage{}
					if side.pid != 0 {
						if before, err = readUsage(side.pid); err != nil {
							return err
						}
					}
					n, took, err := postFor(ctx, side.url, s.key, c.clients, time.Second)
					if err != nil {
						return err
					}
					*side.rates = append(*side.rates, float64(n)/took.Seconds())
					if side.pid != 0 {
						time.Sleep(200 * time.Millisecond) // deliveries of the output events
						after, err := readUsage(side.pid)
						if err != nil {
							return err
						}
						cpu = append(cpu, (after.cpu-before.cpu)/time.Duration(n))
					}
				}
			}
			beside := max(medianRate(update), medianRate(batch))
			t.row(fmt.Sprintf("local REST POST, clients: %d", c.clients),
				fmt.Sprintf("%.0f/s (%.0f to %.0f), CPU %s", medianRate(ours), slices.Min(ours), slices.Max(ours), us(percentile(cpu, 50))),
				fmt.Sprintf("net/http and bbolt %.0f/s", beside), fmt.Sprintf("%.2f", medianRate(ours)/beside), "at least "+c.aim)
		}
		return nil
	})
}

func medianRate(rates []float64) float64 {
	sorted := slices.Sorted(slices.Values(rates))
	return sorted[len(sorted)/2]
}

// postFor posts until the time is up and returns the number of requests.
func postFor(ctx context.Context, url, key string, clients int, length time.Duration) (n int64, took time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}}
	defer client.CloseIdleConnections()
	body := []byte(`{"string":"` + strings.Repeat("x", 200) + `","numeric":1}`)
	var count atomic.Int64
	failed := make([]error, clients)
	begin := time.Now()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for failed[i] == nil && time.Since(begin) < length {
				failed[i] = post(ctx, client, url, key, body)
				count.Add(1)
			}
		})
	}
	all.Wait()
	return count.Load(), time.Since(begin), errors.Join(failed...)
}

func post(ctx context.Context, client *http.Client, url, key string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Api-Key", key)
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusCreated {
		err = fmt.Errorf("POST %s: %s: %s", url, resp.Status, text)
	}
	return err
}

// A plainProcess is the server that is compared with.
type plainProcess struct {
	process *exec.Cmd
	url     string
}

func startPlain(ctx context.Context, file string) (*plainProcess, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &plainProcess{process: exec.CommandContext(ctx, exe, plainServer, file)}
	out, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	p.url = strings.TrimSpace(string(line[:n]))
	return p, err
}

// servePlain stores the body of each request under a random key, and prints its URL.
func servePlain(file string) error {
	db, err := bbolt.Open(file, 0o600, nil)
	if err != nil {
		return err
	}
	name := []byte("b")
	if err := db.Update(func(tx *bbolt.Tx) error { _, err := tx.CreateBucketIfNotExists(name); return err }); err != nil {
		return err
	}
	serve := func(commit func(func(*bbolt.Tx) error) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			var document map[string]any
			if err = errors.Join(err, json.Unmarshal(body, &document)); err == nil {
				key := []byte(rand.Text())
				err = commit(func(tx *bbolt.Tx) error { return tx.Bucket(name).Put(key, body) })
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			w.WriteHeader(http.StatusCreated)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /update", serve(db.Update))
	mux.Handle("POST /batch", serve(db.Batch))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return http.Serve(l, mux)
}
