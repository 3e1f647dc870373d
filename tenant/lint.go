package tenant

import (
	"context"
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
	Only       string        // the only folder to check; "" is all
}

// Lint reads every file of every tenant and returns all diagnostics, sorted by
// position. Files are named by their keys, without the prefix. The error is that of
// the bucket.
func Lint(ctx context.Context, b blob.Bucket, o *LintOptions) ([]diag.Diagnostic, error) {
	if o == nil {
		o = &LintOptions{}
	}
	l := linter{bucket: b, prefix: folder(o.Prefix), policy: policy{defaultBus: o.DefaultBus, allow: o.AllowBus}}
	keys, err := listKeys(ctx, b, l.prefix)
	if err != nil {
		return nil, fault.Wrap("tenant.Lint", fault.Unavailable, err)
	}
	var folders []string
	files := map[string][]string{}
	for _, key := range keys {
		dir, file, below := strings.Cut(strings.TrimPrefix(key, l.prefix), "/")
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
		case strings.Contains(file, "/") || strings.HasPrefix(file, "."):
		case isSchema:
			schema, err := events.ParseSchemaID(name)
			if err != nil {
				l.add(diag.SeverityError, dir+"/"+file, fault.MessageOf(err))
				continue
			}
			schemas = append(schemas, schema)
		case strings.HasSuffix(file, ".properties"):
			l.add(diag.SeverityWarning, dir+"/"+file, "file is not read; the properties of a tenant are in "+propertiesFile)
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
		l.checkSchemaNames(t, diag.NewSource(file, o.Data), schemas)
	}
	for _, schema := range schemas {
		file := string(id) + "/" + string(schema) + schemaSuffix
		o, err := l.bucket.Get(ctx, l.prefix+file, "")
		if err != nil {
			return err
		}
		s, found := parseSchema(id, schema, file, o.Data, l.policy)
		l.diagnostics = append(l.diagnostics, found...)
		if t != nil && s != nil {
			l.diagnostics = append(l.diagnostics, s.checkMatches(t, file)...)
		}
	}
	return nil
}

// checkSchemaNames warns of rules that name schemas which the tenant does not have.
func (l *linter) checkSchemaNames(t *Tenant, txt *diag.Source, schemas []events.SchemaID) {
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
	l.diagnostics = append(l.diagnostics, txt.Diagnostics...)
}
