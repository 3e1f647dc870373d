package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/typed"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/typegen"
	"github.com/blockforger/eventrouter/internal/typegen/infer"
	"github.com/blockforger/eventrouter/internal/typegen/schema"
	"github.com/blockforger/eventrouter/internal/typegen/schemaregistry"
)

// FromExample infers schemas and Go types from sample events. The schemas are
// kept beside the types, in the folder "schema", so that another run with more
// samples only widens them.
type FromExample struct {
	Files  []string `arg:"" help:"Files of sample events: one or many each, as an archive, Lambda or SQS holds them." type:"existingfile"`
	Out    string   `help:"Folder of the package. Default: events/aws/SERVICE, where all samples are of one AWS service."`
	DryRun bool     `help:"Show what would be written, and write nothing."`
}

// Run infers from all samples, one schema for each source and detail-type.
func (c FromExample) Run(_ context.Context, out io.Writer) error {
	samples, err := readSamples(c.Files)
	if err != nil {
		return err
	}
	if c.Out == "" {
		if c.Out, err = defaultOut(samples); err != nil {
			return err
		}
	}
	folder := filepath.Join(c.Out, "schema")
	kept := make(map[string][]byte) // schema files as they are, by path
	found := make(map[string]*schema.Document)
	for _, s := range samples {
		path := filepath.Join(folder, schemaregistry.FileName(infer.Name(s.event.Source, string(s.event.DetailType))))
		if _, known := found[path]; !known {
			if found[path], kept[path], err = readKept(path); err != nil {
				return err
			}
		}
		if found[path], err = infer.Widen(found[path], s.event); err != nil {
			return fault.Errorf(fault.Invalid, "%s: %s", s.file, fault.MessageOf(err))
		}
	}
	fmt.Fprintf(out, "%d samples of %d events\n", len(samples), len(found))

	documents := make([]*schema.Document, 0, len(found))
	for _, path := range slices.Sorted(maps.Keys(found)) {
		documents = append(documents, found[path])
	}
	plan, err := typegen.NewPlan(c.Out, filepath.Base(c.Out), documents)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		text, err := found[path].Encode()
		if err != nil {
			return fault.Wrap("command.FromExample", fault.Internal, err)
		}
		if !bytes.Equal(text, kept[path]) {
			plan.Changes = append(plan.Changes, typegen.Change{Path: path, Old: kept[path], New: text})
		}
	}
	return finish(out, plan, c.DryRun)
}

type sample struct {
	file  string
	event *events.Envelope
}

func readSamples(files []string) ([]sample, error) {
	var samples []sample
	for _, file := range files {
		deliveries, err := readEvents(file, &typed.Registry{})
		if err != nil {
			return nil, err
		}
		for _, d := range deliveries {
			if d.Err != nil {
				return nil, fault.Errorf(fault.Invalid, "%s: %s", file, fault.MessageOf(d.Err))
			}
			samples = append(samples, sample{file: file, event: d.Event.Raw()})
		}
	}
	if len(samples) == 0 {
		return nil, fault.Errorf(fault.Invalid, "there is no event in %s", strings.Join(files, ", "))
	}
	return samples, nil
}

// readEvents decodes all events of a file. With an error it returns those before
// it.
func readEvents(file string, registry *typed.Registry) ([]typed.Delivery, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s cannot be read: %v", file, err)
	}
	defer in.Close()
	var all []typed.Delivery
	for d, err := range registry.DecodeStream(in) {
		if err != nil {
			return all, fault.Errorf(fault.Invalid, "%s: %s", file, fault.MessageOf(err))
		}
		all = append(all, d)
	}
	return all, nil
}

// defaultOut is where the events of one AWS service go.
func defaultOut(samples []sample) (string, error) {
	service := ""
	for _, s := range samples {
		name, isAWS := strings.CutPrefix(s.event.Source, "aws.")
		if !isAWS || service != "" && service != name || checkService(name) != nil {
			return "", fault.Errorf(fault.Invalid, "the samples are not of one AWS service (%q is among them); name the folder with --out", s.event.Source)
		}
		service = name
	}
	return filepath.Join("events", "aws", service), nil
}

// readKept reads the schema of an earlier run; nil where there is none.
func readKept(path string) (*schema.Document, []byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fault.Errorf(fault.Invalid, "%s cannot be read: %v", path, err)
	}
	d, err := schema.Read(path, text)
	if err != nil {
		return nil, nil, err
	}
	if !d.IsEvent() {
		return nil, nil, fault.Errorf(fault.Invalid, "%s describes no event; move it away", path)
	}
	return d, text, nil
}
