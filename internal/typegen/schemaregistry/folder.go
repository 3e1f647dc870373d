package schemaregistry

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/fault"
)

// A Folder holds documents that were saved earlier, one a file: the schema's
// name, "/" written as "__", then .json. Before that may stand the format,
// .OpenApi3 or .JSONSchemaDraft4; where both formats of a schema are there, the
// first is taken, since the second renames some members.
type Folder struct {
	dir   string
	files map[string]string // schema name to file name
}

var _ Source = (*Folder)(nil)

// OpenFolder lists a folder. The fault is Invalid.
func OpenFolder(dir string) (*Folder, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "folder of schemas %q cannot be read: %v", dir, err)
	}
	f := &Folder{dir: dir, files: make(map[string]string)}
	for _, entry := range entries {
		name, ok := schemaName(entry.Name())
		if entry.IsDir() || !ok {
			continue
		}
		if other, twice := f.files[name]; !twice || isDraft4(other) {
			f.files[name] = entry.Name()
		}
	}
	return f, nil
}

// schemaName is false for files that hold no schema. YAML is not read, but a
// file of it is listed, so that the reader can say so.
func schemaName(file string) (string, bool) {
	ext := filepath.Ext(file)
	if ext != ".json" && ext != ".yaml" && ext != ".yml" || strings.HasPrefix(file, ".") {
		return "", false
	}
	name := strings.TrimSuffix(file, ext)
	for _, format := range []string{".OpenApi3", ".JSONSchemaDraft4"} {
		name = strings.TrimSuffix(name, format)
	}
	return strings.ReplaceAll(name, "__", "/"), true
}

func isDraft4(file string) bool { return strings.HasSuffix(file, ".JSONSchemaDraft4.json") }

// FileName is the name under which a [Folder] finds a schema.
func FileName(schema string) string { return strings.ReplaceAll(schema, "/", "__") + ".json" }

// Names implements [Source].
func (f *Folder) Names(_ context.Context, prefix string) ([]string, error) {
	var names []string
	for name := range f.files {
		if Matches(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// Document implements [Source].
func (f *Folder) Document(_ context.Context, name string) (Document, error) {
	file, ok := f.files[name]
	if !ok {
		return Document{}, fault.Errorf(fault.NotFound, "folder %s has no schema %q", f.dir, name)
	}
	data, err := os.ReadFile(filepath.Join(f.dir, file))
	if err != nil {
		return Document{}, fault.Errorf(fault.Invalid, "schema %q cannot be read: %v", name, err)
	}
	return Document{Name: name, Content: data}, nil
}

// String names the folder.
func (f *Folder) String() string { return "folder " + f.dir }
