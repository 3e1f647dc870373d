package blob

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/blockforger/eventrouter/fault"
)

// List lists the objects below a prefix. It reads the names of the whole directory
// that the prefix ends in, and the files without a cached checksum.
func (d *Dir) List(ctx context.Context, prefix, after string, limit int) ([]Info, error) {
	if err := firstError(ctx.Err(), CheckPrefix(prefix)); err != nil {
		return nil, err
	}
	// The walk begins at the last directory that the prefix names whole.
	above := prefix[:strings.LastIndexByte(prefix, '/')+1]
	var found []Info
	visit := func(key string) {
		if strings.HasPrefix(key, prefix) && key > after {
			found = append(found, Info{Key: key})
		}
	}
	if err := d.walk(ctx, path.Clean(fileName(above)+"."), above, visit); err != nil {
		return nil, dirFault("list", prefix, err)
	}

	var listed []Info
	for _, info := range firstByKey(found, len(found)) {
		if len(listed) >= limit {
			break
		}
		info, err := d.stat(info.Key, fileName(info.Key))
		if missing(err) || errors.Is(err, errNoFile) {
			continue // removed meanwhile, or not an object
		}
		if err != nil {
			return nil, dirFault("list", prefix, err)
		}
		listed = append(listed, info)
	}
	return listed, nil
}

// walk visits the keys of all files below dir, whose own key is above: "" or
// ending in a slash.
func (d *Dir) walk(ctx context.Context, dir, above string, visit func(key string)) error {
	entries, err := d.entries(ctx, dir)
	for _, e := range entries {
		name, file := e.Name(), path.Join(dir, e.Name())
		switch {
		case name[0] == '.':
			continue
		case e.Type()&fs.ModeSymlink != 0:
			err = d.walkLink(file, above+name, visit)
		case !e.IsDir():
			visit(above + name)
		case isContinued(name):
			err = d.walkContinued(ctx, file, above+strings.TrimSuffix(name, continued), visit)
		default:
			err = d.walk(ctx, file, above+name+"/", visit)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// walkContinued visits the keys in a directory whose names continue the last
// element of above.
func (d *Dir) walkContinued(ctx context.Context, dir, above string, visit func(key string)) error {
	entries, err := d.entries(ctx, dir)
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), continued)
		file := path.Join(dir, e.Name())
		switch {
		case !ok:
			continue
		case !e.IsDir():
			visit(above + name)
		case isContinued(name):
			err = d.walkContinued(ctx, file, above+strings.TrimSuffix(name, continued), visit)
		default:
			err = d.walk(ctx, file, above+name+"/", visit)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// walkLink visits the target of a link to a file. A link to a directory is an
// error, because it could be part of a cycle.
func (d *Dir) walkLink(file, key string, visit func(key string)) error {
	info, err := d.root.Stat(file)
	switch {
	case missing(err):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fault.Errorf(fault.Denied, "%s is a symbolic link to a directory, which is not followed", file)
	}
	visit(key)
	return nil
}

func (d *Dir) entries(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := fs.ReadDir(d.root.FS(), dir)
	if missing(err) {
		return nil, nil
	}
	return entries, err
}

func isContinued(name string) bool {
	return len(name) == maxElement+len(continued) && strings.HasSuffix(name, continued)
}
