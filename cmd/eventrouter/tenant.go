package main

import (
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/tenant"
)

type tenantCommands struct {
	Lint tenantLint `cmd:"" help:"Check every tenant below a folder; exit 1 where something is wrong."`
}

type tenantLint struct {
	Dir string `arg:"" type:"path" help:"The folder with a folder for each tenant, such as schemas."`
}

// Run lists every finding with its place.
func (c *tenantLint) Run(s *session) error {
	tree, err := openSchemas(c.Dir)
	if err != nil {
		return err
	}
	findings, err := tenant.Lint(s.ctx, tree, nil)
	if err != nil {
		return fault.E("tenant lint", fault.Unavailable, err)
	}
	wrong := 0
	for _, f := range findings {
		if f.Severity == tenant.SeverityError {
			wrong++
		}
	}
	if findings == nil {
		findings = []tenant.Finding{}
	}
	done, err := s.print.value(struct {
		Findings []tenant.Finding `json:"findings"`
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
