package blob

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"time"

	"github.com/blockforger/eventrouter/fault"
)

// A Dir is a Bucket in a directory. An object is a plain file at its key, which
// can be read and edited with any tool.
//
// # Files
//
// For each object that the Dir has written, the file .name.meta beside it holds
// version and metadata with the SHA-256 of the content that they belong to. An
// edited file has another SHA-256, and so another ETag and no metadata. A file
// without a .meta is an object too; its ETag is derived from the SHA-256 only. So
// files that other programs wrote are served, also from a read-only directory.
//
// A write creates a temporary file and syncs it, replaces .meta by one with the
// versions of the old and the new content, renames the file over the object, and
// syncs the directory: content and metadata match if the write is interrupted at
// any step. Writers of a directory exclude one another by a lock (flock) on its
// file .lock, also between processes. An editor does not take the lock, so its
// write may be lost if it happens within the same milliseconds. Names that begin
// with a dot are reserved for the Dir and are not keys.
//
// An element of a key longer than 200 bytes, which could exceed the length of a
// file name with the added characters, is split into parts of 200 bytes: all but the last a directory
// whose name ends in "~", all but the first a name that begins with "~".
//
// Symbolic links to files within the directory are followed. A link out of the
// directory is an error (Denied), and so is a link to a directory when listing.
type Dir struct {
	root  *os.Root
	locks dirLocks
	sums  sumCache

	synced sync.Map // directories whose names are durable

	// before is called before each I/O that changes something; an error ends the
	// write there. Tests use it to interrupt writes.
	before func(step string) error
}

var _ Bucket = (*Dir)(nil)

// OpenDir opens a directory that exists. It does not create the directory, because
// a misspelt path would become an empty one. The error is NotFound, Denied or
// Invalid.
func OpenDir(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &fault.Error{Code: fault.NotFound, Message: "directory " + name + " does not exist", Err: err}
	case err != nil:
		if info, statErr := os.Stat(name); statErr == nil && !info.IsDir() {
			return nil, fault.Errorf(fault.Invalid, "%s is not a directory", name)
		}
		return nil, dirFault("open", name, err)
	}
	return &Dir{root: root, before: func(string) error { return nil }}, nil
}

// Close releases the directory. No method may be called after it.
func (d *Dir) Close() error { return d.root.Close() }

// Get reads an object.
func (d *Dir) Get(ctx context.Context, key string, known ETag) (Object, error) {
	if err := firstError(ctx.Err(), CheckKey(key)); err != nil {
		return Object{}, err
	}
	name := fileName(key)
	if known != "" {
		// With a cached checksum the file need not be read.
		if info, err := d.stat(key, name); err == nil && info.ETag == known {
			return Object{}, ErrNotModified
		}
	}
	o, err := d.read(key, name)
	if err != nil {
		return Object{}, dirFault("get", key, err)
	}
	if o.ETag == known {
		return Object{}, ErrNotModified
	}
	return o, nil
}

// Put writes an object.
func (d *Dir) Put(ctx context.Context, key string, data []byte, metadata map[string]string, c Condition) (ETag, error) {
	if err := firstError(ctx.Err(), CheckWrite(key, metadata, c)); err != nil {
		return "", err
	}
	etag, err := d.put(ctx, key, data, metadata, c)
	return etag, dirFault("put", key, err)
}

func (d *Dir) put(ctx context.Context, key string, data []byte, metadata map[string]string, c Condition) (ETag, error) {
	name := fileName(key)
	if err := d.makeDirs(path.Dir(name)); err != nil {
		return "", err
	}
	temporary, err := d.writeTemporary(path.Dir(name), data)
	if err != nil {
		return "", err
	}
	defer d.root.Remove(temporary) // fails once it has been renamed

	unlock, err := d.lock(ctx, path.Dir(name))
	if err != nil {
		return "", err
	}
	defer unlock()
	old, err := d.current(key, name)
	if err != nil {
		return "", err
	}
	if err := c.Check(key, old.etag()); err != nil {
		return "", err
	}

	next := version{Sum: sha256.Sum256(data), Number: newNumber(), Metadata: metadata}
	if err := d.writeVersions(name, next, old); err != nil {
		return "", err
	}
	if err := d.rename(temporary, name); err != nil {
		return "", err
	}
	return next.etag(), d.syncDir(path.Dir(name))
}

// Delete removes an object. The .meta is removed first: if it remained, its
// metadata could apply to a file that another program creates later.
func (d *Dir) Delete(ctx context.Context, key string, c Condition) error {
	if err := firstError(ctx.Err(), CheckDelete(key, c)); err != nil {
		return err
	}
	return dirFault("delete", key, d.delete(ctx, key, c))
}

func (d *Dir) delete(ctx context.Context, key string, c Condition) error {
	name := fileName(key)
	if _, err := d.root.Lstat(name); missing(err) {
		return c.Check(key, "") // no lock is needed
	}
	unlock, err := d.lock(ctx, path.Dir(name))
	if err != nil {
		return err
	}
	defer unlock()
	old, err := d.current(key, name)
	if err != nil {
		return err
	}
	if err := c.Check(key, old.etag()); err != nil || old.etag() == "" {
		return err
	}
	for _, file := range []string{metaName(name), name} {
		if err := d.remove(file); err != nil && !missing(err) {
			return err
		}
	}
	return d.syncDir(path.Dir(name))
}

// current returns the version of an object, the zero version if it does not exist.
// It is called with the directory's lock held.
func (d *Dir) current(key, name string) (version, error) {
	o, err := d.readOnce(key, name)
	if missing(err) || errors.Is(err, errNoFile) {
		return version{}, nil
	}
	return o.version, err
}

// read reads object and metadata. If they do not match, a writer may be active, so
// it reads them again while no writer is.
func (d *Dir) read(key, name string) (Object, error) {
	o, err := d.readOnce(key, name)
	if err == nil && o.edited {
		if unlock, lockErr := d.lockShared(path.Dir(name)); lockErr == nil {
			defer unlock()
			o, err = d.readOnce(key, name)
		}
	}
	return o.Object, err
}

// A fileObject is an object with its version and state in the directory.
type fileObject struct {
	Object
	version version
	edited  bool // there is a .meta, but of another content
}

// errNoFile is the error for a directory entry that is not a regular file.
var errNoFile = fault.Errorf(fault.NotFound, "is not a regular file")

func (d *Dir) readOnce(key, name string) (fileObject, error) {
	before := time.Now()
	info, err := d.root.Stat(name)
	if err != nil {
		return fileObject{}, err
	}
	if !info.Mode().IsRegular() {
		return fileObject{}, errNoFile // reading a pipe would never end
	}
	file, err := d.root.Open(name)
	if err != nil {
		return fileObject{}, err
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return fileObject{}, err
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return fileObject{}, err
	}
	sum := sha256.Sum256(data)
	d.sums.put(name, info, sum, before)

	v, edited, err := d.versionOf(name, sum)
	if err != nil {
		return fileObject{}, err
	}
	return fileObject{
		Object: Object{
			Info:     Info{Key: key, ETag: v.etag(), Size: int64(len(data)), Modified: info.ModTime()},
			Data:     data,
			Metadata: v.Metadata,
		},
		version: v,
		edited:  edited,
	}, nil
}

// stat returns the Info of an object. It does not read the object if its checksum
// is cached.
func (d *Dir) stat(key, name string) (Info, error) {
	info, err := d.root.Stat(name)
	if err != nil {
		return Info{}, err
	}
	if !info.Mode().IsRegular() {
		return Info{}, errNoFile
	}
	sum, ok := d.sums.get(name, info)
	if !ok {
		o, err := d.read(key, name)
		return o.Info, err
	}
	v, edited, err := d.versionOf(name, sum)
	if err != nil {
		return Info{}, err
	}
	if edited {
		o, err := d.read(key, name)
		return o.Info, err
	}
	return Info{Key: key, ETag: v.etag(), Size: info.Size(), Modified: info.ModTime()}, nil
}
