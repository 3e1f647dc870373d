package tenant

import (
	"context"
	"path"
	"slices"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// LintOptions configures [Lint]; nil is the zero value.
type LintOptions struct {
	Prefix     string        // the prefix of every key in the bucket
	DefaultBus events.BusARN // as in [CatalogOptions]; "" is allowed
	AllowBus   BusPolicy     // as in [CatalogOptions]
	WarnBus    BusPolicy     // its error is a warning; the rule remains in force
	Only       string        // the only folder to check; "" is all
}

// Lint reads every file of every tenant and returns all diagnostics, sorted by
// position. Files are named by their keys, without the prefix. The error is that of
// the bucket.
func Lint(ctx context.Context, b blob.Bucket, o *LintOptions) ([]diag.Diagnostic, error) {
	if o == nil {
		o = &LintOptions{}
	}
	l := linter{bucket: b, prefix: folder(o.Prefix), policy: policy{defaultBus: o.DefaultBus, allow: o.AllowBus, warn: o.WarnBus}}
	keys, err := listKeys(ctx, b, l.prefix)
	if err != nil {
		return nil, fault.Wrap("tenant.Lint", fault.Unavailable, err)
	}
	var folders []string
	files := map[string][]string{}
	for _, key := range keys {
		dir, file, below := strings.Cut(strings.TrimPrefix(key, l.prefix), "/")
		if !below && o.Only == "" && reported(dir) {
			l.add(diag.SeverityWarning, dir, "file is not read; the files of a tenant are in a folder with the tenant's name")
		}
		if !below || strings.HasPrefix(dir, ".") || o.Only != "" && dir != o.Only {
			continue
		}
		if files[dir] == nil {
			folders = append(folders, dir)
		}
		files[dir] = append(files[dir], file)
	}
	for _, dir := range folders {
		if err := l.folder(ctx, dir, files[dir]); err != nil {
			return nil, fault.Wrap("tenant.Lint", fault.Unavailable, err)
		}
	}
	return diag.Sort(l.diagnostics), nil
}

type linter struct {
	bucket      blob.Bucket
	prefix      string
	policy      policy
	diagnostics []diag.Diagnostic
}

func (l *linter) add(s diag.Severity, file, message string) {
	l.diagnostics = append(l.diagnostics, diag.Diagnostic{File: file, Line: 1, Column: 1, Severity: s, Message: message})
}

func (l *linter) folder(ctx context.Context, dir string, files []string) error {
	id, err := events.ParseTenantID(dir)
	if err != nil {
		l.add(diag.SeverityError, dir, fault.MessageOf(err))
		return nil
	}
	var schemas []events.SchemaID
	hasProperties := false
	for _, file := range files {
		name, isSchema := strings.CutSuffix(file, schemaSuffix)
		switch {
		case file == propertiesFile:
			hasProperties = true
		case strings.Contains(file, "/"):
			if !strings.HasPrefix(file, testsFolder) && reported(file) {
				l.add(diag.SeverityWarning, dir+"/"+file, "file is not read; schemas are directly in the folder of the tenant, and its tests are in "+dir+"/tests")
			} else if strings.HasPrefix(file, testsFolder) && reported(file) && (!isSchema || strings.Count(file, "/") > 1) {
				l.add(diag.SeverityWarning, dir+"/"+file, "file is not read; a test is "+dir+"/tests/NAME.json")
			}
		case !reported(file):
		case isSchema:
			schema, err := events.ParseSchemaID(name)
			if err != nil {
				l.add(diag.SeverityError, dir+"/"+file, fault.MessageOf(err))
				continue
			}
			schemas = append(schemas, schema)
		case strings.HasSuffix(file, ".properties"):
			l.add(diag.SeverityWarning, dir+"/"+file, "file is not read; the properties of a tenant are in "+propertiesFile)
		default:
			l.add(diag.SeverityWarning, dir+"/"+file, "file is not read; a schema is a JSON file whose name ends with .json")
		}
	}
	if !hasProperties {
		l.add(diag.SeverityError, dir+"/"+propertiesFile, "folder has no "+propertiesFile+", so it is not a tenant")
		return nil
	}
	return l.tenant(ctx, id, schemas)
}

func (l *linter) tenant(ctx context.Context, id events.TenantID, schemas []events.SchemaID) error {
	file := string(id) + "/" + propertiesFile
	o, err := l.bucket.Get(ctx, l.prefix+file, "")
	if err != nil {
		return err
	}
	t, found := parseTenant(id, file, o.Data, l.policy)
	l.diagnostics = append(l.diagnostics, found...)
	if t != nil {
		txt := diag.NewSource(file, o.Data)
		checkSchemaNames(t, txt, schemas)
		checkDetailTypes(t, txt, schemas)
		checkDuplicates(t, txt)
		l.diagnostics = append(l.diagnostics, txt.Diagnostics...)
	}
	for _, schema := range schemas {
		file := string(id) + "/" + string(schema) + schemaSuffix
		o, err := l.bucket.Get(ctx, l.prefix+file, "")
		if err != nil {
			return err
		}
		s, found := lintSchema(id, schema, file, o.Data, l.policy)
		l.diagnostics = append(l.diagnostics, found...)
		if t != nil && s != nil {
			l.diagnostics = append(l.diagnostics, s.checkMatches(t, file)...)
			l.checkOwnRules(t, s, diag.NewSource(file, o.Data))
		}
	}
	return nil
}

// checkSchemaNames warns of rules that name schemas which the tenant does not have.
func checkSchemaNames(t *Tenant, txt *diag.Source, schemas []events.SchemaID) {
	known, names := map[events.SchemaID]bool{}, make([]string, len(schemas))
	for i, s := range schemas {
		known[s], names[i] = true, string(s)
	}
	for _, r := range t.rules {
		for _, s := range r.Schemas {
			if !known[s] {
				txt.Warnf(r.at, "the rule names schema %q, which the tenant does not have%s", s, diag.Suggest(string(s), names))
			}
		}
	}
}

// checkDetailTypes warns of rules that publish changes of several schemas with the
// same detail-type. A rule without schema_names is fine if the tenant has one schema.
func checkDetailTypes(t *Tenant, txt *diag.Source, schemas []events.SchemaID) {
	for _, r := range t.rules {
		several := len(r.Schemas) > 1 || len(r.Schemas) == 0 && len(schemas) > 1
		if several && !strings.Contains(r.DetailType, schemaPlaceholder) {
			txt.Warnf(r.detailTypeAt, "detail_type %s is the same for several schemas; add %s, or name one schema in schema_names",
				diag.Quote(r.DetailType), schemaPlaceholder)
		}
	}
}

// checkDuplicates warns of rules of a tenant that never publish, because for every change
// an earlier rule publishes an event with the same bus, source and detail-type.
func checkDuplicates(t *Tenant, txt *diag.Source) {
	named := []events.SchemaID{otherSchema}
	for _, r := range t.rules {
		named = append(named, r.Schemas...)
	}
	for i, r := range t.rules {
		if earlier, ok := r.duplicates(t.rules[:i], named); ok {
			line, _ := txt.Position(earlier.at)
			txt.Warnf(r.at, "the rule never publishes an event: for every change, an earlier rule publishes one with the same bus, source and detail-type; see line %d", line)
		}
	}
}

// checkOwnRules does the same for the rules of a schema, which come after those of the
// tenant.
func (l *linter) checkOwnRules(t *Tenant, s *Schema, txt *diag.Source) {
	for i, r := range s.own {
		before := append(slices.Clone(t.rules), s.own[:i]...)
		if _, ok := r.duplicates(before, []events.SchemaID{s.ID}); ok {
			txt.Warnf(r.at, "the rule never publishes an event: for every change, an earlier rule of the schema or of "+propertiesFile+
				" publishes one with the same bus, source and detail-type")
		}
	}
	l.diagnostics = append(l.diagnostics, txt.Diagnostics...)
}

// testsFolder is the folder of a tenant's tests, which `eventrouter tenant test` runs.
const testsFolder = "tests/"

// reported reports whether lint mentions a file that is not read: all but hidden files
// and documents.
func reported(file string) bool {
	name := path.Base(file)
	switch strings.ToLower(path.Ext(name)) {
	case ".md", ".txt", "":
		return false
	}
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(file, ".")
}
