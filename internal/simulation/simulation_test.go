package simulation

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
	"time"

	"github.com/blockforger/eventrouter/store"
)

var (
	seeds    = flag.Int("seeds", 200, "how many seeds TestSeeds runs")
	oneSeed  = flag.Uint64("seed", 0, "run this seed only")
	requests = flag.Int("requests", 40, "how many requests a run sends")
	trace    = flag.Bool("trace", false, "print the trace of -seed")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// The goroutines that one invocation starts run in turn until each waits for a call.
	runtime.GOMAXPROCS(1)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // what package store logs about external edits
	os.Exit(m.Run())
}

// A run is the parameters of one simulation: they determine it completely.
type run struct {
	seed     uint64
	requests int
	faults   faults
}

func (r run) String() string {
	return fmt.Sprintf("seed %d, %d requests, faults %s", r.seed, r.requests, r.faults)
}

// simulate executes a run and returns what is wrong, and the trace.
func simulate(t *testing.T, r run) (problems, trace []string) {
	t.Run(fmt.Sprint(r.seed), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, r.seed)
		synctest.Test(t, func(*testing.T) {
			s := newSystem(r.seed, r.faults)
			s.execute(r.requests)
			problems, trace = s.problems, s.trace
		})
	})
	return problems, trace
}

// execute sends all requests, lets the system come to rest, and checks the invariants.
func (s *system) execute(n int) {
	s.plan(n)
	s.planOperators()
	nextRelay, nextEdit := s.began.Add(s.between(0, time.Minute)), s.began.Add(s.between(0, 10*time.Second))
	s.process(&nextRelay, &nextEdit)
	s.quiet = true
	s.log("no more faults")
	s.planLast()
	s.process(&nextRelay, &nextEdit)
	s.rest()
	if len(s.problems) == 0 {
		s.check()
	}
	for _, i := range s.instances {
		i.cancel()
	}
	synctest.Wait()
}

// process runs the system until every request is answered and every operator is done.
func (s *system) process(nextRelay, nextEdit *time.Time) {
	for len(s.deliveries)+len(s.running)+len(s.agenda)+s.migrating > 0 {
		if time.Since(s.began) > 2*time.Hour {
			s.problem("after two hours %d deliveries are left and %d invocations are running", len(s.deliveries), len(s.running))
			return
		}
		s.attend()
		s.deliver()
		s.step()
		s.collect()
		if time.Now().After(*nextRelay) {
			s.relay()
			*nextRelay = time.Now().Add(time.Minute)
		}
		if time.Now().After(*nextEdit) {
			s.edit()
			*nextEdit = time.Now().Add(s.between(time.Second, 20*time.Second))
		}
		if time.Since(s.began) > 20*time.Minute {
			s.quiet = true
		}
	}
}

// rest runs relays without faults until nothing is left to do: longer than late calls,
// instances and rechecks take.
func (s *system) rest() {
	for n := range 12 {
		time.Sleep(time.Minute)
		s.relay()
		switch n {
		case 3: // an instance that could not read the new schema has used the old one
			for _, c := range s.migrated {
				s.runMigration(c, s.backends[c])
			}
		case 6:
			s.read()
		}
		for len(s.running) > 0 {
			s.step()
			s.collect()
		}
	}
	for shard := range store.Shards {
		if keys, err := s.data.ListPending(background, shard, time.Now(), 100); err != nil || len(keys) > 0 {
			s.problem("shard %d still has pending work: %v, %v", shard, keys, err)
		}
	}
}

// read lists every collection: reading imports what people have edited.
func (s *system) read() {
	i := s.newInstance("reader")
	s.invoke(i, "read", time.Hour, nil, func(ctx context.Context) ([]byte, error) {
		for _, t := range tenants {
			for _, schema := range schemas {
				if _, err := i.app.Store.List(ctx, store.Collection{Tenant: t, Schema: schema}, "", 1000); err != nil {
					return nil, err
				}
			}
		}
		return nil, nil
	})
}

// TestSeeds runs the simulation from many seeds.
func TestSeeds(t *testing.T) {
	first, n := uint64(1), *seeds
	if *oneSeed != 0 {
		first, n = *oneSeed, 1
	}
	failed := 0
	for seed := first; seed < first+uint64(n) && failed < 3; seed++ {
		r := run{seed, *requests, allFaults}
		if seed%4 != 0 {
			r.faults &^= ahead // such a run is long, and idempotency records expire in it
		}
		problems, lines := simulate(t, r)
		if *trace && n == 1 {
			t.Log(strings.Join(lines, "\n"))
		}
		if len(problems) == 0 {
			continue
		}
		if *firstOnly {
			t.Fatalf("FOUND seed %d after %d runs:\n%s", seed, seed-first+1, problems[0])
		}
		failed++
		r, problems, lines = minimize(t, r, problems, lines)
		t.Errorf("%s:\n%s\n\ntrace:\n%s", r, strings.Join(problems, "\n"), strings.Join(lines, "\n"))
	}
}

// minimize looks for a smaller run that fails too.
func minimize(t *testing.T, r run, problems, lines []string) (run, []string, []string) {
	smaller := func(candidate run) bool {
		p, l := simulate(t, candidate)
		if len(p) == 0 {
			return false
		}
		r, problems, lines = candidate, p, l
		return true
	}
	for i := range faultNames {
		if r.faults&(1<<i) != 0 {
			candidate := r
			candidate.faults &^= 1 << i
			smaller(candidate)
		}
	}
	for step := r.requests / 2; step > 0; {
		candidate := r
		candidate.requests -= step
		if candidate.requests < 1 || !smaller(candidate) {
			step /= 2
		}
	}
	return r, problems, lines
}

// TestDeterminism checks that a seed determines the trace.
func TestDeterminism(t *testing.T) {
	for seed := uint64(1); seed <= 10; seed++ {
		r := run{seed, *requests, allFaults}
		_, a := simulate(t, r)
		_, b := simulate(t, r)
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("%s: line %d differs:\n%s\n%s", r, i+1, a[i], b[i])
			}
		}
		if len(a) != len(b) || len(a) < 100 {
			t.Fatalf("%s: %d and %d lines", r, len(a), len(b))
		}
	}
}
