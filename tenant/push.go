package tenant

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
)

// Action is what a [PushPlan] does with a file.
type Action string

const (
	ActionAdd     Action = "add"     // the bucket does not have it
	ActionReplace Action = "replace" // the bucket has another version
	ActionRemove  Action = "remove"  // the bucket has it, the pushed tree does not
	ActionKeep    Action = "keep"    // like ActionRemove, but removing was not requested
)

// Step is one file of a [PushPlan].
type Step struct {
	Action Action `json:"action"`
	File   string `json:"file"`           // its key, without the prefix
	Note   string `json:"note,omitempty"` // a consequence of the step

	data []byte
	etag blob.ETag // of the version that it replaces or removes
}

// PushPlan holds the steps that copy the tenants of a tree to a bucket. Other tenants
// of the bucket are not changed.
type PushPlan struct {
	Steps []Step `json:"steps"` // in the order of execution
	Same  int    `json:"same"`  // the number of files that are equal

	to     blob.Bucket
	prefix string
}

// PlanPush compares the files of every tenant of the tree with those below a prefix
// of a bucket. It writes nothing. Files of those tenants that the tree does not have
// are kept unless remove is set.
func PlanPush(ctx context.Context, from, to blob.Bucket, prefix string, remove bool) (*PushPlan, error) {
	const op = "tenant.PlanPush"
	p := &PushPlan{Steps: []Step{}, to: to, prefix: folder(prefix)}
	keys, err := listKeys(ctx, from, "")
	if err != nil {
		return nil, fault.Wrap(op, fault.Unavailable, err)
	}
	tenants, local := map[string]bool{}, map[string]bool{}
	var last []Step
	for _, key := range keys {
		id, ok := servedFile(key)
		if !ok {
			continue
		}
		tenants[id], local[key] = true, true
		step, err := p.compare(ctx, from, key)
		switch {
		case err != nil:
			return nil, fault.Wrap(op, fault.Unavailable, err)
		case step.Action == "":
			p.Same++
		case strings.HasSuffix(key, "/"+propertiesFile):
			last = append(last, step) // a new tenant becomes active when its schemas exist
		default:
			p.Steps = append(p.Steps, step)
		}
	}
	p.Steps = append(p.Steps, last...)
	there, err := p.extraFiles(ctx, tenants, local, remove)
	if err != nil {
		return nil, fault.Wrap(op, fault.Unavailable, err)
	}
	p.Steps = append(p.Steps, there...)
	return p, nil
}

// servedFile reports whether a key is that of a file which a [Catalog] reads, and
// of which tenant.
func servedFile(key string) (id string, ok bool) {
	dir, file, _ := strings.Cut(key, "/")
	if _, err := events.ParseTenantID(dir); err != nil {
		return "", false
	}
	if file == propertiesFile {
		return dir, true
	}
	name, isSchema := strings.CutSuffix(file, schemaSuffix)
	_, err := events.ParseSchemaID(name)
	return dir, isSchema && err == nil
}

// compare returns the step for one file; its action is empty if the files are equal.
func (p *PushPlan) compare(ctx context.Context, from blob.Bucket, key string) (Step, error) {
	mine, err := from.Get(ctx, key, "")
	if err != nil {
		return Step{}, err
	}
	step := Step{Action: ActionAdd, File: key, data: mine.Data}
	theirs, err := p.to.Get(ctx, p.prefix+key, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return step, nil
	case err != nil:
		return Step{}, err
	case bytes.Equal(mine.Data, theirs.Data):
		return Step{}, nil
	}
	step.Action, step.etag, step.Note = ActionReplace, theirs.ETag, describeMove(key, theirs.Data, mine.Data)
	return step, nil
}

// describeMove returns a note if a schema changes its backend or key field.
func describeMove(key string, was, is []byte) string {
	id, file, _ := strings.Cut(key, "/")
	name, isSchema := strings.CutSuffix(file, schemaSuffix)
	if !isSchema {
		return ""
	}
	before, _ := parseSchema(events.TenantID(id), events.SchemaID(name), key, was, policy{})
	after, _ := parseSchema(events.TenantID(id), events.SchemaID(name), key, is, policy{})
	if before == nil || after == nil || before.Backend == after.Backend && before.KeyField == after.KeyField {
		return ""
	}
	return "records move from " + string(before.Backend) + " by " + before.KeyField + " to " + string(after.Backend) + " by " + after.KeyField +
		": while there are any, this version waits for `eventrouter tenant migrate`"
}

// extraFiles returns steps for the files of the bucket that the tree does not have.
func (p *PushPlan) extraFiles(ctx context.Context, tenants, local map[string]bool, remove bool) (steps []Step, err error) {
	for _, id := range slices.Sorted(maps.Keys(tenants)) {
		for after := ""; ; {
			const page = 1000
			infos, err := p.to.List(ctx, p.prefix+id+"/", after, page)
			if err != nil {
				return nil, err
			}
			for _, info := range infos {
				after = info.Key
				key := strings.TrimPrefix(info.Key, p.prefix)
				if _, ok := servedFile(key); !ok || local[key] {
					continue
				}
				step := Step{Action: ActionKeep, File: key, etag: info.ETag}
				if remove {
					step.Action, step.Note = ActionRemove, "its records stay, and can no longer be reached"
				}
				steps = append(steps, step)
			}
			if len(infos) < page {
				break
			}
		}
	}
	return steps, nil
}

// Changes returns the number of steps that write.
func (p *PushPlan) Changes() (n int) {
	for _, s := range p.Steps {
		if s.Action != ActionKeep {
			n++
		}
	}
	return n
}

// Apply executes the plan, file by file. Each write requires that the file is as it
// was when the plan was made; otherwise Apply returns Precondition, and the steps
// before have been executed.
func (p *PushPlan) Apply(ctx context.Context) error {
	for _, s := range p.Steps {
		var err error
		switch key := p.prefix + s.File; s.Action {
		case ActionAdd:
			_, err = p.to.Put(ctx, key, s.data, nil, blob.Condition{IfNone: true})
		case ActionReplace:
			_, err = p.to.Put(ctx, key, s.data, nil, blob.Condition{IfMatch: s.etag})
		case ActionRemove:
			err = p.to.Delete(ctx, key, blob.Condition{IfMatch: s.etag})
		}
		switch {
		case err == nil:
		case fault.Is(err, fault.Precondition):
			return fault.Errorf(fault.Precondition, "%s was changed by somebody else in the meantime: check it, and push again", s.File)
		default:
			return fault.Wrap("tenant.Push", fault.Unavailable, err)
		}
	}
	return nil
}
