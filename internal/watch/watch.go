// Package watch reports changes of the files below a folder, within a fraction of a
// second. It uses the notifications of the operating system, and compares the files
// at intervals where these are not available: on network file systems, or when the
// system's limit of watches is reached.
package watch

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long nothing must happen before changes are reported: an editor
	// writes, renames and changes times for one save.
	settle = 60 * time.Millisecond
	// pollEvery is how often the files are compared without notifications, and
	// checkEvery with them, because a remote change produces none.
	pollEvery  = 400 * time.Millisecond
	checkEvery = 5 * time.Second
)

// Options configures [Folder]; nil is the zero value.
type Options struct {
	Poll bool // do not use the notifications of the operating system
}

// Folder calls changed with the paths of the files below dir that were created,
// changed or removed, sorted, relative to dir and with slashes, until ctx ends. Files
// and folders whose names begin with a dot are ignored. One call ends before the next
// begins.
func Folder(ctx context.Context, dir string, o *Options, changed func(paths []string)) {
	w := &watcher{dir: dir}
	if o == nil || !o.Poll {
		w.open()
	}
	defer w.close()
	w.files = w.scan()
	for w.wait(ctx) {
		now := w.scan()
		if paths := differences(w.files, now); len(paths) > 0 {
			w.files = now
			changed(paths)
		}
	}
}

// A version identifies the content of a file, as far as that is possible without
// reading it.
type version struct {
	size int64
	time int64
	mode fs.FileMode
}

type watcher struct {
	dir    string
	notify *fsnotify.Watcher // nil: poll
	files  map[string]version
}

// open begins to receive notifications, if it can.
func (w *watcher) open() {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return
	}
	if notify.Add(w.dir) != nil {
		_ = notify.Close()
		return
	}
	w.notify = notify
}

func (w *watcher) close() {
	if w.notify != nil {
		_ = w.notify.Close()
		w.notify = nil
	}
}

// wait returns after a notification and a pause, or at the time to compare the files.
// It returns false when ctx has ended.
func (w *watcher) wait(ctx context.Context) bool {
	if w.notify == nil {
		return sleep(ctx, pollEvery)
	}
	check := time.NewTimer(checkEvery)
	defer check.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-check.C:
		return true
	case _, ok := <-w.notify.Events:
		if !ok {
			w.close()
		}
	case <-w.notify.Errors: // the queue overflowed, or a watch was lost: compare
	}
	for quiet := time.NewTimer(settle); ; {
		select {
		case <-ctx.Done():
			return false
		case <-quiet.C:
			return true
		case <-check.C: // files that never settle are compared nevertheless
			return true
		case <-w.channel():
			quiet.Reset(settle)
		}
	}
}

func (w *watcher) channel() <-chan fsnotify.Event {
	if w.notify == nil {
		return nil
	}
	return w.notify.Events
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// scan returns the versions of all files, and watches folders that are new. If a
// folder cannot be watched, it changes to polling.
func (w *watcher) scan() map[string]version {
	files := map[string]version{}
	_ = filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile, or not readable: another scan follows
		}
		if path != w.dir && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			if w.notify != nil && w.notify.Add(path) != nil {
				if _, err := os.Stat(path); err == nil {
					w.close()
				}
			}
			return nil
		}
		info, err := os.Stat(path) // of a link's target
		if err != nil {
			return nil
		}
		if rel, err := filepath.Rel(w.dir, path); err == nil {
			files[filepath.ToSlash(rel)] = version{info.Size(), info.ModTime().UnixNano(), info.Mode()}
		}
		return nil
	})
	return files
}

// differences lists the names whose versions differ.
func differences(before, now map[string]version) []string {
	names := map[string]bool{}
	for name, v := range now {
		if was, ok := before[name]; !ok || was != v {
			names[name] = true
		}
	}
	for name := range before {
		if _, ok := now[name]; !ok {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
