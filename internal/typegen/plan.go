package typegen

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
)

// A Plan is what a run would write. Nothing is written before [Plan.Apply].
type Plan struct {
	Dir     string
	Changes []Change // by path
	// Reports tell of each schema what of it stays raw.
	Reports []Report
	// Written counts the schemas that have a file, Events those of them that
	// the registry map decodes.
	Written, Events int
}

// A Change is one file. Old is nil for a new one, New for one to be removed.
type Change struct {
	Path     string
	Old, New []byte
}

// Changed returns the change that gives the file at path that content; none where
// it has it.
func Changed(path string, content []byte) []Change {
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, content) {
		return nil
	}
	return []Change{{Path: path, Old: old, New: content}}
}

// A Report is one remark on a schema.
type Report struct {
	Schema string
	Remark string
}

func (r Report) String() string { return fmt.Sprintf("%s: %s", r.Schema, r.Remark) }

// NewPlan plans the Go files of the documents for the folder dir, as the
// package of a service. Files of earlier runs for other schemas stay, and stay
// in the registry map. Faults are Invalid.
func NewPlan(dir, service string, documents []*schema.Document) (*Plan, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	p := &planner{folder: f, plan: &Plan{Dir: dir}, pkg: f.pkg, service: service}
	if p.pkg == "" {
		p.pkg = PackageName(service)
	}
	if err := p.schemas(documents); err != nil {
		return nil, err
	}
	if err := p.registry(); err != nil {
		return nil, err
	}
	slices.SortFunc(p.plan.Changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return p.plan, nil
}

type planner struct {
	folder  *folder
	plan    *Plan
	pkg     string
	service string
	headers []header // of all files that the folder will have
}

func (p *planner) schemas(documents []*schema.Document) error {
	documents = slices.Clone(documents)
	slices.SortStableFunc(documents, func(a, b *schema.Document) int { return strings.Compare(a.Name, b.Name) })

	names, files := p.taken(documents)
	// The events themselves choose their names first: a part of one must not
	// take the name of another.
	roots := rootNames(documents, p.pkg)
	for i, d := range documents {
		if d.IsEvent() {
			roots[i] = names.take(roots[i])
		}
	}
	for i, d := range documents {
		if i > 0 && documents[i-1].Name == d.Name {
			p.report(d.Name, "there are two documents of this name; the first was taken")
			continue
		}
		f := newFile(d, names, roots[i])
		for _, note := range slices.Sorted(keys(f.notes)) {
			p.report(d.Name, note)
		}
		if len(f.types) == 0 {
			p.report(d.Name, "left raw: nothing of it can be a Go type")
			p.remove(d.Name)
			continue
		}
		if err := p.add(f, files); err != nil {
			return err
		}
	}
	return nil
}

// taken collects the names and file names that the new files must not use.
func (p *planner) taken(documents []*schema.Document) (names, files scope) {
	names = scope{"Events": true}
	files = scope{strings.TrimSuffix(registryFile, suffix): true}
	for name := range p.folder.foreign {
		names[name] = true
	}
	for name := range p.folder.files {
		if _, ours := p.folder.written[name]; !ours {
			files[strings.TrimSuffix(name, suffix)] = true
		}
	}
	for name, g := range p.folder.written {
		again := slices.ContainsFunc(documents, func(d *schema.Document) bool { return d.Name == g.header.Schema })
		if again || name == registryFile {
			continue
		}
		files[strings.TrimSuffix(name, suffix)] = true
		for _, n := range g.names {
			names[n] = true
		}
		p.headers = append(p.headers, g.header)
	}
	return names, files
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (p *planner) report(schema, remark string) {
	p.plan.Reports = append(p.plan.Reports, Report{Schema: schema, Remark: remark})
}

// add plans the file of one schema, under the file name that it had before.
func (p *planner) add(f file, files scope) error {
	name, again := p.folder.ofSchema(f.header.Schema)
	if again && !files[strings.TrimSuffix(name, suffix)] {
		files[strings.TrimSuffix(name, suffix)] = true
	} else {
		name = files.take(snake(shortName(f.header.Schema))) + suffix
	}
	data, err := f.source(p.pkg)
	if err != nil {
		return err
	}
	p.change(name, data)
	p.headers = append(p.headers, f.header)
	p.plan.Written++
	return nil
}

// remove takes away the file that an earlier run wrote for a schema.
func (p *planner) remove(schema string) {
	if name, ok := p.folder.ofSchema(schema); ok {
		p.change(name, nil)
	}
}

func (p *planner) change(name string, data []byte) {
	old, ok := p.folder.written[name]
	if ok && bytes.Equal(old.data, data) {
		return
	}
	p.plan.Changes = append(p.plan.Changes, Change{Path: filepath.Join(p.folder.dir, name), Old: old.data, New: data})
}

// registry plans the map of all events of the folder.
func (p *planner) registry() error {
	if _, ours := p.folder.written[registryFile]; p.folder.files[registryFile] && !ours {
		return fault.Errorf(fault.Invalid, "%s was not written by eventrouter; move it away", filepath.Join(p.folder.dir, registryFile))
	}
	slices.SortFunc(p.headers, func(a, b header) int { return strings.Compare(a.Schema, b.Schema) })
	var events []header
	first := make(map[[2]string]string)
	for _, h := range p.headers {
		if !h.isEvent() {
			continue
		}
		kind := [2]string{h.Source, h.DetailType}
		if other, twice := first[kind]; twice {
			p.report(h.Schema, fmt.Sprintf("the registry map decodes %s from %s as schema %s says", h.DetailType, h.Source, other))
			continue
		}
		first[kind] = h.Schema
		events = append(events, h)
	}
	p.plan.Events = len(events)
	if len(p.headers) == 0 {
		return nil
	}
	about := ""
	if !p.folder.hasDoc {
		about = fmt.Sprintf("// Package %s holds the events of %s as Go types.\n", p.pkg, p.service)
	}
	data, err := registrySource(p.pkg, about, events)
	if err != nil {
		return err
	}
	p.change(registryFile, data)
	return nil
}

// Apply writes what is planned.
func (p *Plan) Apply() error {
	for _, c := range p.Changes {
		if c.New == nil {
			if err := os.Remove(c.Path); err != nil {
				return fault.Errorf(fault.Invalid, "%s cannot be removed: %v", c.Path, err)
			}
			continue
		}
		if err := write(c.Path, c.New); err != nil {
			return err
		}
	}
	return nil
}

// Show prints the changes, each with its lines where a file is changed and
// their number where it is new.
func (p *Plan) Show(out io.Writer) error {
	if len(p.Changes) == 0 {
		_, err := fmt.Fprintf(out, "%s: nothing would change\n", p.Dir)
		return err
	}
	var b strings.Builder
	for _, c := range p.Changes {
		switch {
		case c.Old == nil:
			fmt.Fprintf(&b, "+ %s (%d lines)\n", c.Path, bytes.Count(c.New, []byte("\n")))
		case c.New == nil:
			fmt.Fprintf(&b, "- %s\n", c.Path)
		default:
			fmt.Fprintf(&b, "~ %s\n", c.Path)
			diff(&b, string(c.Old), string(c.New))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}
