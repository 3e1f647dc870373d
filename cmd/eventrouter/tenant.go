package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type tenantCommands struct {
	Init      tenantInit      `cmd:"" help:"Write a new tenant: commented properties, a schema, a test."`
	AddSchema tenantAddSchema `cmd:"" name:"add-schema" help:"Write a schema that takes sample records."`
	Lint      tenantLint      `cmd:"" help:"Check every tenant below a folder; exit 1 where something is wrong."`
	Test      tenantTest      `cmd:"" help:"Run tenants' own tests; exit 1 where one fails."`
	Push      tenantPush      `cmd:"" help:"Check tenants' files, show what is new, and upload it."`
	Migrate   tenantMigrate   `cmd:"" help:"Move the records of a schema to another backend or key field."`
	Export    tenantExport    `cmd:"" help:"Write all records, usage and entries of a tenant as JSON lines."`
	Purge     tenantPurge     `cmd:"" help:"Delete all that is kept of a tenant."`
}

type tenantLint struct {
	Dir         string `arg:"" type:"path" help:"The folder with a folder for each tenant, such as schemas."`
	DefaultBus  string `help:"The ARN of the deployment's own default bus; with --output-buses."`
	OutputBuses string `env:"EVENTROUTER_OUTPUT_BUSES" help:"The deployment's allow-list of output buses, as JSON: rules that it switches off are shown."`
}

// options are those under which a deployment would read the files.
func (c *tenantLint) options() (*tenant.LintOptions, error) {
	if c.DefaultBus == "" && c.OutputBuses == "" {
		return &tenant.LintOptions{}, nil
	}
	own, err := events.ParseBusARN(c.DefaultBus)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "--default-bus: %s", fault.MessageOf(err))
	}
	buses, err := tenant.ParseAllowList(c.OutputBuses)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "--output-buses: %s", fault.MessageOf(err))
	}
	return &tenant.LintOptions{DefaultBus: own, AllowBus: tenant.AllowOnly(own, buses)}, nil
}

// fromHere names a file as a person here, and an editor, would.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// Run lists every finding with its place.
func (c *tenantLint) Run(s *session) error {
	options, err := c.options()
	if err != nil {
		return err
	}
	root := c.Dir
	if _, err := os.Stat(filepath.Join(root, "tenant.properties")); err == nil { // a tenant's own folder
		options.Only, root = filepath.Base(root), filepath.Dir(root)
	}
	tree, err := openSchemas(root)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s", strings.Replace(fault.MessageOf(err), "--schemas", "DIR", 1))
	}
	findings, err := tenant.Lint(s.ctx, tree, options)
	if err != nil {
		return fault.Wrap("tenant lint", fault.Unavailable, err)
	}
	if len(findings) == 0 {
		tenants, err := tenant.NewCatalog(tree, nil).Tenants(s.ctx)
		if err != nil {
			return fault.Wrap("tenant lint", fault.Unavailable, err)
		}
		if len(tenants) == 0 {
			findings = []diag.Diagnostic{{File: ".", Line: 1, Column: 1, Severity: diag.SeverityError,
				Message: "there is no tenant here: want a folder for each, with its tenant.properties"}}
		}
	}
	wrong := 0
	for i, f := range findings {
		findings[i].File = fromHere(filepath.Join(root, filepath.FromSlash(f.File)))
		if f.Severity == diag.SeverityError {
			wrong++
		}
	}
	if findings == nil {
		findings = []diag.Diagnostic{}
	}
	done, err := s.print.value(struct {
		Findings []diag.Diagnostic `json:"findings"`
	}{findings})
	if !done {
		for _, f := range findings {
			s.print.line("%s", f)
		}
		if len(findings) == 0 {
			s.print.line("%s: nothing to mend", c.Dir)
		}
	}
	if err == nil && wrong > 0 {
		return errFindings
	}
	return err
}
