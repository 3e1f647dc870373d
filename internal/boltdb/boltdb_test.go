package boltdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/bbolt"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/boltdb"
)

var bucket = []byte("b")

func open(t testing.TB, path string, o *boltdb.Options) *boltdb.DB {
	t.Helper()
	db, err := boltdb.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func temp(t testing.TB) string { return filepath.Join(t.TempDir(), "x.db") }

func put(key, value string) func(*boltdb.Tx) error {
	return func(tx *boltdb.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	}
}

func get(t testing.TB, db *boltdb.DB, key string) (value string) {
	t.Helper()
	err := db.View(func(tx *boltdb.Tx) error {
		if b := tx.Bucket(bucket); b != nil {
			value = string(b.Get([]byte(key)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// many runs n updates at once, so that they are grouped.
func many(n int, do func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// whenAllWait opens the gate when every goroutine of the test waits: for the
// gate, or for those that do. The sleep of a bubble ends no sooner.
func whenAllWait(gate chan struct{}) {
	go func() { time.Sleep(time.Nanosecond); close(gate) }()
}

func TestUpdatesShareACommit(t *testing.T) { synctest.Test(t, testUpdatesShareACommit) }

func testUpdatesShareACommit(t *testing.T) {
	var commits atomic.Int64
	gate := make(chan struct{})
	held := func(op string) error {
		if op == "commit:before" {
			commits.Add(1)
			<-gate
		}
		return nil
	}
	path := temp(t)
	db := open(t, path, &boltdb.Options{Fault: held})
	const n = 2 * 256 // more than fit in one commit
	whenAllWait(gate)
	many(n, func(i int) {
		if err := db.Update(context.Background(), put(fmt.Sprint(i), "v")); err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	})
	const most = 1 + 2 // the first commit may have any number of updates
	if c := commits.Load(); c > most {
		t.Errorf("%d updates took %d commits, want at most %d", n, c, most)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, nil)
	for i := range n {
		if get(t, db, fmt.Sprint(i)) != "v" {
			t.Fatalf("update %d was acknowledged and is lost", i)
		}
	}
}

func TestFailureDoesNotAffectOtherUpdates(t *testing.T) {
	synctest.Test(t, testFailureDoesNotAffectOtherUpdates)
}

func testFailureDoesNotAffectOtherUpdates(t *testing.T) {
	gate := make(chan struct{})
	db := open(t, temp(t), &boltdb.Options{Fault: func(op string) error {
		if op == "commit:before" {
			<-gate // until all have queued
		}
		return nil
	}})
	errMine := errors.New("mine")
	whenAllWait(gate)
	many(60, func(i int) {
		key := fmt.Sprint(i)
		defer func() {
			if p := recover(); (p != nil) != (i%6 == 5) {
				t.Errorf("update %d: panic %v", i, p)
			}
		}()
		err := db.Update(context.Background(), func(tx *boltdb.Tx) error {
			if err := put(key, "v")(tx); err != nil {
				return err
			}
			switch i % 6 {
			case 3:
				return errMine
			case 5:
				panic("mine too")
			}
			return nil
		})
		if want := i%6 == 3; want != errors.Is(err, errMine) || !want && err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	})
	for i := range 60 {
		want := "v"
		if i%6 == 3 || i%6 == 5 {
			want = ""
		}
		if got := get(t, db, fmt.Sprint(i)); got != want {
			t.Errorf("update %d left %q, want %q", i, got, want)
		}
	}
}

func TestUnchangedIsNotSynced(t *testing.T) { synctest.Test(t, testUnchangedIsNotSynced) }

func testUnchangedIsNotSynced(t *testing.T) {
	synced := 0
	db := open(t, temp(t), &boltdb.Options{Fault: func(op string) error {
		if op == "commit:after" {
			synced++
		}
		return nil
	}})
	if err := db.Update(context.Background(), func(*boltdb.Tx) error { return boltdb.ErrUnchanged }); err != nil || synced != 0 {
		t.Errorf("an update without a change: %v, %d commits", err, synced)
	}
	gate := make(chan struct{})
	whenAllWait(gate)
	many(10, func(i int) {
		err := db.Update(context.Background(), func(tx *boltdb.Tx) error {
			<-gate
			if i%2 == 0 {
				return boltdb.ErrUnchanged
			}
			return put(fmt.Sprint(i), "v")(tx)
		})
		if err != nil {
			t.Errorf("update %d: %v", i, err)
		}
	})
	for i := 1; i < 10; i += 2 {
		if get(t, db, fmt.Sprint(i)) != "v" {
			t.Errorf("update %d was lost with the unchanged updates of its group", i)
		}
	}
}

func TestContextEndsOnlyTheWait(t *testing.T) {
	begun, gate := make(chan struct{}), make(chan struct{})
	db := open(t, temp(t), nil)
	first := make(chan error)
	go func() {
		first <- db.Update(context.Background(), func(tx *boltdb.Tx) error {
			close(begun)
			<-gate
			return put("first", "v")(tx)
		})
	}()
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := db.Update(ctx, put("second", "v"))
	if !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting past the deadline: %v", err)
	}
	close(gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := db.Update(context.Background(), put("third", "v")); err != nil {
		t.Error(err)
	}
	if get(t, db, "second") != "" {
		t.Error("an update whose context ended has an effect")
	}
	if err := db.Update(ctx, put("fourth", "v")); !fault.Is(err, fault.Unavailable) {
		t.Errorf("update with an ended context: %v", err)
	}
}

func TestInjectedFaults(t *testing.T) {
	var next string
	db := open(t, temp(t), &boltdb.Options{Fault: func(op string) error {
		if op == next {
			return errors.New("injected")
		}
		return nil
	}})
	for op, effect := range map[string]string{"commit:before": "", "commit:after": "v"} {
		next = op
		err := db.Update(context.Background(), put(op, "v"))
		next = ""
		if err == nil || get(t, db, op) != effect {
			t.Errorf("%s: %v, value %q", op, err, get(t, db, op))
		}
	}
	next = "view"
	if err := db.View(func(*boltdb.Tx) error { return nil }); err == nil {
		t.Error("a view did not fail")
	}
}

func TestClose(t *testing.T) {
	path := temp(t)
	db := open(t, path, nil)
	var acknowledged sync.Map
	done := make(chan struct{})
	go func() {
		defer close(done)
		many(32, func(w int) {
			for i := 0; ; i++ {
				key := fmt.Sprint(w, "-", i)
				switch err := db.Update(context.Background(), put(key, "v")); {
				case err == nil:
					acknowledged.Store(key, true)
				case fault.Is(err, fault.Unavailable) && strings.Contains(err.Error(), "is closed"):
					return
				default:
					t.Errorf("update while closing: %v", err)
					return
				}
			}
		})
	}()
	time.Sleep(20 * time.Millisecond)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := db.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	if err := db.View(func(*boltdb.Tx) error { return nil }); !fault.Is(err, fault.Unavailable) {
		t.Errorf("view of a closed file: %v", err)
	}
	if _, err := os.Stat(path + ".pid"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file remains: %v", err)
	}
	db = open(t, path, nil)
	acknowledged.Range(func(key, _ any) bool {
		if get(t, db, key.(string)) != "v" {
			t.Errorf("%s was acknowledged and is lost", key)
		}
		return true
	})
}

func TestFileMode(t *testing.T) {
	path := temp(t)
	open(t, path, nil)
	for _, name := range []string{path, path + ".pid"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	path := temp(t)
	if err := os.WriteFile(path, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Join(t.TempDir(), "none", "x.db")} {
		if _, err := boltdb.Open(p, nil); err == nil || !strings.Contains(err.Error(), p) {
			t.Errorf("open %s: %v", p, err)
		}
	}
}

// The disk is full: the kernel refuses to let the file grow.
func TestFullDisk(t *testing.T) {
	path := temp(t)
	db := open(t, path, nil)
	if err := db.Update(context.Background(), put("before", "v")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(info.Size()), Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for err == nil && acknowledged < 1000 {
		if err = db.Update(context.Background(), put(fmt.Sprint(acknowledged), strings.Repeat("v", 10_000))); err == nil {
			acknowledged++
		}
	}
	again := db.Update(context.Background(), put("again", strings.Repeat("v", 100_000)))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{err, again} {
		if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no space is left for data file "+path) {
			t.Errorf("on a full disk: %v", err)
		}
	}
	wantAll := func(db *boltdb.DB) {
		t.Helper()
		for i := range acknowledged {
			if len(get(t, db, fmt.Sprint(i))) != 10_000 {
				t.Errorf("update %d was acknowledged and is lost", i)
			}
		}
		if get(t, db, "before") != "v" || get(t, db, "again") != "" {
			t.Error("what was there before is changed")
		}
	}
	wantAll(db)
	if err := db.Update(context.Background(), put("after", "v")); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, path, nil)
	wantAll(db)
	if get(t, db, "after") != "v" {
		t.Error("what was written with room again is gone")
	}
}

func TestMaxSize(t *testing.T) {
	db := open(t, temp(t), &boltdb.Options{MaxSize: 1 << 20})
	var err error
	for i := 0; err == nil && i < 1000; i++ {
		err = db.Update(context.Background(), put(fmt.Sprint(i), strings.Repeat("v", 10_000)))
	}
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no space is left") {
		t.Errorf("past the largest size: %v", err)
	}
}

// child is this test binary in another process, writing until it is killed.
func child(t *testing.T, path string) (*exec.Cmd, *output) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
	cmd.Env = append(os.Environ(), "BOLTDB_CHILD="+path)
	out := &output{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// output collects what a process writes.
type output struct {
	mu sync.Mutex
	b  strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// TestChild is the body of the child process; otherwise it does nothing.
func TestChild(t *testing.T) {
	path := os.Getenv("BOLTDB_CHILD")
	if path == "" {
		return
	}
	db := open(t, path, nil)
	var mu sync.Mutex
	many(16, func(w int) {
		for i := 0; ; i++ {
			key := fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
			if err := db.Update(context.Background(), put(key, "v")); err != nil {
				return
			}
			mu.Lock()
			fmt.Println("acknowledged", key)
			mu.Unlock()
		}
	})
}

func TestSecondProcessGetsTheNameOfTheFirst(t *testing.T) {
	path := temp(t)
	open(t, path, nil)
	began := time.Now()
	_, err := boltdb.Open(path, &boltdb.Options{LockWait: 100 * time.Millisecond})
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d (", os.Getpid())) {
		t.Errorf("the second process gets %v", err)
	}
	if wait := time.Since(began); wait > 2*time.Second {
		t.Errorf("the second waited %v", wait)
	}

	path = temp(t)
	cmd, _ := child(t, path)
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path + ".pid"); err == nil {
			break
		}
	}
	_, err = boltdb.Open(path, &boltdb.Options{LockWait: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("in use by process %d (", cmd.Process.Pid)) {
		t.Errorf("the parent process gets %v", err)
	}
}

func TestKilledProcessLosesNoUpdate(t *testing.T) {
	path := temp(t)
	var keys []string
	for range 3 {
		cmd, out := child(t, path)
		for deadline := time.Now().Add(time.Minute); strings.Count(out.String(), "\n") < 100; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the child has acknowledged %d updates in a minute", strings.Count(out.String(), "\n"))
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		lines := strings.Split(out.String(), "\n")
		for _, line := range lines[:len(lines)-1] { // the last may be cut off
			if key, ok := strings.CutPrefix(line, "acknowledged "); ok {
				keys = append(keys, key)
			}
		}
	}
	db := open(t, path, nil)
	for _, key := range keys {
		if get(t, db, key) != "v" {
			t.Fatalf("%s was acknowledged and is lost", key)
		}
	}
	t.Logf("%d updates in 3 processes", len(keys))
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db := open(b, temp(b), nil)
			compare(b, writers, func(key, value []byte) error {
				return db.Update(context.Background(), put(string(key), string(value)))
			})
		})
		b.Run(fmt.Sprintf("writers=%d/bbolt.Batch", writers), func(b *testing.B) {
			db, err := bbolt.Open(temp(b), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			db.MaxBatchDelay = time.Millisecond
			compare(b, writers, func(key, value []byte) error {
				return db.Batch(func(tx *bbolt.Tx) error {
					b, err := tx.CreateBucketIfNotExists(bucket)
					return errors.Join(err, b.Put(key, value))
				})
			})
		})
	}
}

func compare(b *testing.B, writers int, update func(key, value []byte) error) {
	var next atomic.Int64
	b.ReportAllocs()
	b.ResetTimer()
	many(writers, func(int) {
		for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
			if err := update(fmt.Appendf(nil, "%09d", i*7919%1_000_000), bytes.Repeat([]byte("v"), 1000)); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}
