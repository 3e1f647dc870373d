package blob

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

const (
	maxElement      = 200 // bytes of a key's element in one file name
	continued       = "~" // ends a directory's name and begins the names in it if an element is split
	temporaryPrefix = ".tmp-"
	lockName        = ".lock"
)

// fileName returns the path of an object below the root. See [Dir] for long elements.
func fileName(key string) string {
	if len(key) <= maxElement {
		return key
	}
	var b strings.Builder
	for i, element := range strings.Split(key, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		for len(element) > maxElement {
			b.WriteString(element[:maxElement] + continued + "/" + continued)
			element = element[maxElement:]
		}
		b.WriteString(element)
	}
	return b.String()
}

// metaName returns the path of an object's .meta file.
func metaName(name string) string {
	return path.Join(path.Dir(name), "."+path.Base(name)+".meta")
}

// makeDirs durably creates a directory and those above it. A directory that exists
// is synced once too: another goroutine that created it may not have synced it
// yet, or the process that created it may have been killed.
func (d *Dir) makeDirs(dir string) error {
	if dir == "." {
		return nil
	}
	info, err := d.root.Stat(dir)
	_, synced := d.synced.Load(dir)
	switch {
	case err == nil && info.IsDir() && synced:
		return nil
	case err == nil && info.IsDir():
	case err == nil || errors.Is(err, syscall.ENOTDIR):
		return fault.Errorf(fault.Invalid, "there is a file at %s or above it, so no object can be below it", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := d.makeDirs(path.Dir(dir)); err != nil {
		return err
	}
	if err != nil {
		if err := d.before("mkdir"); err != nil {
			return err
		}
		if err := d.root.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := d.syncDir(path.Dir(dir)); err != nil {
		return err
	}
	d.synced.Store(dir, true)
	return nil
}

// writeTemporary writes and syncs a file whose name is not a key.
func (d *Dir) writeTemporary(dir string, data []byte) (_ string, err error) {
	if err := d.before("create"); err != nil {
		return "", err
	}
	name := path.Join(dir, temporaryPrefix+newNumber())
	file, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			d.root.Remove(name)
		}
	}()
	if err := d.before("write"); err != nil {
		return "", err
	}
	if _, err := file.Write(data); err != nil {
		return "", err
	}
	return name, file.Sync()
}

func (d *Dir) rename(from, to string) error {
	if err := d.before("rename"); err != nil {
		return err
	}
	return d.root.Rename(from, to)
}

func (d *Dir) remove(name string) error {
	if err := d.before("remove"); err != nil {
		return err
	}
	return d.root.Remove(name)
}

// syncDir makes renames and removals in a directory durable.
func (d *Dir) syncDir(dir string) error {
	if err := d.before("sync"); err != nil {
		return err
	}
	f, err := d.root.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// sweep removes temporary files that remain after a crash.
func sweep(root *os.Root, dir string, now time.Time) {
	const abandoned = time.Hour
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return // the write that takes the lock fails with the same error
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporaryPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > abandoned {
			root.Remove(path.Join(dir, e.Name()))
		}
	}
}
