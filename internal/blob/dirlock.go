package blob

import (
	"context"
	"os"
	"path"
	"sync"
	"time"
)

// dirLocks holds one token for each directory: goroutines wait for it, and only the
// goroutine that has it takes the lock between processes.
type dirLocks struct {
	mu     sync.Mutex
	tokens map[string]chan struct{}
}

// token returns the directory's token, and whether this is the first call for it.
func (l *dirLocks) token(dir string) (_ chan struct{}, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.tokens[dir]
	if !ok {
		if l.tokens == nil {
			l.tokens = make(map[string]chan struct{})
		}
		t = make(chan struct{}, 1)
		l.tokens[dir] = t
	}
	return t, !ok
}

// lock excludes all other writers of a directory until unlock is called.
func (d *Dir) lock(ctx context.Context, dir string) (unlock func(), err error) {
	token, first := d.locks.token(dir)
	select {
	case token <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	file, err := d.root.OpenFile(path.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err == nil {
		if err = waitFor(ctx, file, true); err != nil {
			file.Close()
		}
	}
	if err != nil {
		<-token
		return nil, err
	}
	if first {
		sweep(d.root, dir, time.Now())
	}
	return func() {
		file.Close() // releases the lock
		<-token
	}, nil
}

// lockShared waits until no writer is active. It creates no file, so that a
// read-only directory can be read.
func (d *Dir) lockShared(dir string) (unlock func(), err error) {
	file, err := d.root.Open(path.Join(dir, lockName))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := waitFor(ctx, file, false); err != nil {
		file.Close()
		return nil, err
	}
	return func() { file.Close() }, nil
}

// waitFor takes the lock of a file that another process may hold. It polls,
// because a system call that waits could not be ended with ctx.
func waitFor(ctx context.Context, file *os.File, exclusive bool) error {
	wait := 200 * time.Microsecond
	for {
		got, err := tryLock(file, exclusive)
		if got || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
			wait = min(2*wait, 10*time.Millisecond)
		}
	}
}
