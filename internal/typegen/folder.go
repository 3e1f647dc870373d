package typegen

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/blockforger/eventrouter/fault"
)

// A folder is what stands where a package is to be written.
type folder struct {
	dir     string
	pkg     string               // the package that its files are of; "" where there is none
	hasDoc  bool                 // a file that is not ours has the package's comment
	foreign scope                // names that files not ours declare
	written map[string]generated // our files, by file name
	files   map[string]bool      // the names of all files, in lower case
}

// generated is a file of an earlier run.
type generated struct {
	header header
	names  []string
	data   []byte
}

// openFolder reads a folder; one that does not exist is empty.
func openFolder(dir string) (*folder, error) {
	f := &folder{dir: dir, foreign: make(scope), written: make(map[string]generated), files: make(map[string]bool)}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "output folder %q cannot be read: %v", dir, err)
	}
	for _, entry := range entries {
		f.files[strings.ToLower(entry.Name())] = true
		if entry.IsDir() || filepath.Ext(entry.Name()) != ".go" {
			continue
		}
		if err := f.readGo(entry.Name()); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (f *folder) readGo(name string) error {
	path := filepath.Join(f.dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s cannot be read: %v", path, err)
	}
	// What does not parse still shows most of its names; the compiler will tell.
	parsed, err := parser.ParseFile(token.NewFileSet(), path, data, parser.SkipObjectResolution|parser.ParseComments)
	if parsed == nil || parsed.Name == nil || parsed.Name.Name == "" || parsed.Name.Name == "_" {
		return fault.Errorf(fault.Invalid, "%s is no Go file: %v", path, err)
	}
	h, ours := parseHeader(data)
	pkg := parsed.Name.Name
	if strings.HasSuffix(name, "_test.go") {
		pkg = strings.TrimSuffix(pkg, "_test")
	}
	if f.pkg == "" {
		f.pkg = pkg
	}
	if f.pkg != pkg {
		return fault.Errorf(fault.Invalid, "%s is of package %s, the files before it of %s; want one package in the folder", path, pkg, f.pkg)
	}
	names := declared(parsed)
	if ours {
		f.written[name] = generated{header: h, names: names, data: data}
		return nil
	}
	f.hasDoc = f.hasDoc || parsed.Doc != nil
	for _, n := range names {
		f.foreign[n] = true
	}
	return nil
}

// declared lists the names that a file adds to its package.
func declared(file *ast.File) []string {
	var names []string
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				names = append(names, d.Name.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					names = append(names, spec.Name.Name)
				case *ast.ValueSpec:
					for _, n := range spec.Names {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// ofSchema finds the file of an earlier run for a schema.
func (f *folder) ofSchema(schema string) (string, bool) {
	for name, g := range f.written {
		if g.header.Schema == schema {
			return name, true
		}
	}
	return "", false
}

// PackageName returns the name of the package of a service.
func PackageName(service string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return unicode.ToLower(r)
		}
		return -1
	}, service)
	if name == "" || unicode.IsDigit(rune(name[0])) || token.IsKeyword(name) || name == "main" || name == "init" {
		return "events" + name
	}
	return name
}

// write replaces a file as a whole, so that a crash leaves the old or the new.
func write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fault.Errorf(fault.Invalid, "folder of %s cannot be made: %v", path, err)
	}
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".eventrouter-*")
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s cannot be written: %v", path, err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	err = errors.Join(err, temp.Chmod(0o644), temp.Close())
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s cannot be written: %v", path, err)
	}
	return nil
}
