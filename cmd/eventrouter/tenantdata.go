package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type tenantExport struct {
	Tenant string `required:"" help:"The tenant."`
	Out    string `type:"path" help:"A file to write to instead of standard output; it must not exist."`
}

// Help is shown by --help.
func (c *tenantExport) Help() string {
	return `Writes one JSON object per line: {"kind":"record",...} for each record of each
schema, {"kind":"usage",...} for each month, {"kind":"entry",...} for each outbox
entry whose idempotency record has not expired. The export is not a snapshot:
requests during the export may be in it or not. API keys are exported by:
keys export.`
}

// The lines of an export.
type (
	exportedRecord struct {
		Kind   string          `json:"kind"`
		Tenant events.TenantID `json:"tenant"`
		Schema events.SchemaID `json:"schema"`
		admin.Record
	}
	exportedUsage struct {
		Kind string `json:"kind"`
		admin.Usage
	}
	exportedEntry struct {
		Kind string `json:"kind"`
		trace.Entry
	}
)

// Run writes all data of the tenant.
func (c *tenantExport) Run(s *session) (err error) {
	id, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	var out io.Writer = s.print.out
	if c.Out != "" {
		f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return fileError("--out", err)
		}
		defer func() {
			if closeErr := f.Close(); err == nil {
				err = closeErr
			}
		}()
		out = f
	}
	w := &exporter{session: s, out: bufio.NewWriter(out)}
	if err := w.tenant(id); err != nil {
		return err
	}
	if err := w.out.Flush(); err != nil {
		return err
	}
	s.print.note("%d records, %d months of usage, %d entries", w.records, w.months, w.entries)
	return nil
}

type exporter struct {
	*session
	out                      *bufio.Writer
	records, months, entries int
}

func (w *exporter) line(v any) error {
	if err := json.MarshalWrite(w.out, v, json.Deterministic(true)); err != nil {
		return err
	}
	return w.out.WriteByte('\n')
}

func (w *exporter) tenant(id events.TenantID) error {
	holdings, err := w.admin.Holdings(w.ctx, id)
	if err != nil {
		return err
	}
	for _, schema := range holdings.Schemas {
		if err := w.schema(id, schema); err != nil {
			return err
		}
	}
	for _, month := range holdings.Months {
		usage, err := w.admin.Usage(w.ctx, id, month)
		if err != nil {
			return err
		}
		if err := w.line(exportedUsage{"usage", usage}); err != nil {
			return err
		}
		w.months++
	}
	for q := (admin.EntryQuery{Tenant: id}); ; {
		page, err := w.admin.ListEntries(w.ctx, q)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if err := w.line(exportedEntry{"entry", e}); err != nil {
				return err
			}
			w.entries++
		}
		if q.Cursor = page.Cursor; q.Cursor == "" {
			return nil
		}
	}
}

func (w *exporter) schema(id events.TenantID, schema events.SchemaID) error {
	for q := (admin.RecordQuery{Tenant: id, Schema: schema, Limit: 1000}); ; {
		page, err := w.admin.ListRecords(w.ctx, q)
		if err != nil {
			return err
		}
		for _, r := range page.Records {
			if err := w.line(exportedRecord{"record", id, schema, r}); err != nil {
				return err
			}
			w.records++
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

type tenantPurge struct {
	Tenant     string `required:"" help:"The tenant."`
	RevokeKeys bool   `name:"revoke-keys" help:"Revoke its API keys first."`
	Yes        bool   `short:"y" help:"Do not ask for confirmation."`
}

// Help is shown by --help.
func (c *tenantPurge) Help() string {
	return `Deletes records with their objects and files, idempotency records, bills, output
events that are not published yet, and API keys. This cannot be undone: export
first (tenant export, keys export). Data of other tenants and the tenant's
own files are not deleted; remove the files where they are served.`
}

// Run asks for confirmation and deletes the data.
func (c *tenantPurge) Run(s *session) error {
	id, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	holdings, err := s.admin.Holdings(s.ctx, id)
	if err != nil {
		return err
	}
	keys, err := s.admin.ListKeys(s.ctx, id)
	if err != nil {
		return err
	}
	if !c.Yes {
		names := make([]string, len(holdings.Schemas))
		for i, schema := range holdings.Schemas {
			names[i] = string(schema)
		}
		question := fmt.Sprintf("All data of tenant %s will be deleted: records of %d schemas (%s), usage of %d months, %d API keys.",
			id, len(names), strings.Join(names, ", "), len(holdings.Months), len(keys))
		if err := s.confirm(question, string(id)); err != nil {
			return err
		}
	}
	if c.RevokeKeys {
		for _, k := range keys {
			if k.State != "active" {
				continue
			}
			if _, err := s.admin.RevokeKey(s.ctx, k.KeyID); err != nil {
				return err
			}
		}
	}
	purged, err := s.admin.PurgeTenant(s.ctx, id)
	if err != nil {
		return err
	}
	if done, err := s.print.printJSON(purged); done {
		return err
	}
	s.print.line("%s: %d items and %d objects deleted", id, purged.Items, purged.Objects)
	if until := purged.Revoked.Add(apikey.MaxPositive); time.Now().Before(until) {
		s.print.line("Its keys may be cached until %s: purge again after that, to be sure.", until.Local().Format(time.TimeOnly))
	}
	return nil
}

type tenantMigrate struct {
	Tenant  string `required:"" help:"The tenant."`
	Schema  string `required:"" help:"The schema, without .json."`
	Backend string `required:"" enum:"dynamodb,s3,csv" help:"The new backend: dynamodb, s3 or csv."`
	Key     string `default:"id" help:"The member that holds the new key."`
	DryRun  bool   `name:"dry-run" help:"Show what would be moved, and move nothing."`
	Yes     bool   `short:"y" help:"Do not ask for confirmation."`
}

// Help is shown by --help.
func (c *tenantMigrate) Help() string {
	return `A schema with another backend or key does not become active while there are
records with the old one. Push the schema, then run this; the schema becomes active
within 30 seconds. Each record is moved atomically, without a bill or output
events, and all are checked at the end. Requests during the migration still use
the old schema: with a new key, stop them first; with a new backend, run this
again when the schema is active, until nothing is moved.`
}

// Run shows what would be moved, asks for confirmation, and moves it.
func (c *tenantMigrate) Run(s *session) error {
	m := admin.Migration{KeyField: c.Key, DryRun: true}
	var err error
	if m.Tenant, err = events.ParseTenantID(c.Tenant); err != nil {
		return err
	}
	if m.Schema, err = events.ParseSchemaID(c.Schema); err != nil {
		return err
	}
	if m.Backend, err = events.ParseBackend(c.Backend); err != nil {
		return err
	}
	plan, err := s.admin.MigrateSchema(s.ctx, m)
	if err != nil {
		return err
	}
	if c.DryRun || plan.Moved == 0 {
		return c.show(s, plan, "to move")
	}
	if !c.Yes {
		question := fmt.Sprintf("%d of %d records of %s/%s will be moved to %s, with %s as the key.", plan.Moved, plan.Records, m.Tenant, m.Schema, m.Backend, m.KeyField)
		if err := s.confirm(question, "migrate"); err != nil {
			return err
		}
	}
	m.DryRun = false
	done, err := s.admin.MigrateSchema(s.ctx, m)
	if err != nil {
		return err
	}
	return c.show(s, done, "moved, and checked")
}

func (c *tenantMigrate) show(s *session, m admin.Migrated, what string) error {
	if done, err := s.print.printJSON(m); done {
		return err
	}
	s.print.line("%s/%s: %d records, %d %s", c.Tenant, c.Schema, m.Records, m.Moved, what)
	return nil
}

type tenantPush struct {
	lintFlags   `embed:""`
	bucketFlags `embed:""`
	Remove      bool `help:"Also remove files of these tenants that are not in the folder."`
	DryRun      bool `name:"dry-run" help:"Show the plan, and write nothing."`
	Yes         bool `short:"y" help:"Do not ask for confirmation."`
}

// bucketFlags name the destination of tenant files: an S3 bucket or a folder.
type bucketFlags struct {
	Bucket        string `xor:"where" required:"" help:"The S3 bucket of the deployment."`
	To            string `xor:"where" required:"" type:"path" help:"A folder instead of a bucket."`
	Prefix        string `default:"schemas/" help:"The prefix of every key in the bucket."`
	Region        string `env:"AWS_REGION" help:"The bucket's region."`
	S3EndpointURL string `name:"s3-endpoint-url" env:"AWS_ENDPOINT_URL_S3,AWS_ENDPOINT_URL" help:"The endpoint of S3, if it is not the AWS one."`
}

// open opens the bucket or folder, and returns the prefix of its keys.
func (f *bucketFlags) open(ctx context.Context) (blob.Bucket, string, error) {
	if f.To != "" {
		if err := os.MkdirAll(f.To, 0o755); err != nil {
			return nil, "", fileError("--to", err)
		}
		dir, err := blob.OpenDir(f.To)
		return dir, "", err
	}
	var load []func(*config.LoadOptions) error
	if f.Region != "" {
		load = append(load, config.WithRegion(f.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, "", fault.Errorf(fault.Invalid, "AWS configuration: %v", err)
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if f.S3EndpointURL != "" {
			o.BaseEndpoint, o.UsePathStyle = aws.String(f.S3EndpointURL), true
		}
	})
	b, err := s3blob.New(client, f.Bucket, "")
	return b, f.Prefix, err
}

// name returns the name of the bucket or folder for messages.
func (f *bucketFlags) name() string {
	if f.To != "" {
		return f.To
	}
	return "s3://" + f.Bucket + "/" + f.Prefix
}

// Run lints the files, shows the plan, and executes it.
func (c *tenantPush) Run(s *session) error {
	tree, err := openSchemas(c.Dir)
	if err != nil {
		return err
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	findings, err := tenant.Lint(s.ctx, tree, options)
	if err != nil {
		return fault.Wrap("tenant push", fault.Unavailable, err)
	}
	wrong := 0
	for _, f := range findings {
		if c.Strict {
			f.Severity = diag.SeverityError
		}
		s.print.note("%s", f)
		if f.Severity == diag.SeverityError {
			wrong++
		}
	}
	if wrong > 0 {
		return fault.Errorf(fault.Invalid, "nothing was pushed: %d errors in %s", wrong, c.Dir)
	}
	to, prefix, err := c.open(s.ctx)
	if err != nil {
		return err
	}
	plan, err := tenant.PlanPush(s.ctx, tree, to, prefix, c.Remove)
	if err != nil {
		return err
	}
	if err := c.show(s, plan); err != nil || c.DryRun || plan.Changes() == 0 {
		return err
	}
	if !c.Yes {
		if err := s.confirm(fmt.Sprintf("%d files will be changed in %s.", plan.Changes(), c.name()), "push"); err != nil {
			return err
		}
	}
	if err := plan.Apply(s.ctx); err != nil {
		return err
	}
	s.print.note("pushed to %s; it is active within 30 seconds", c.name())
	return nil
}

func (c *tenantPush) show(s *session, p *tenant.PushPlan) error {
	if done, err := s.print.printJSON(p); done {
		return err
	}
	for _, step := range p.Steps {
		line := fmt.Sprintf("%-8s %s", step.Action, step.File)
		switch step.Action {
		case tenant.ActionRemove:
			line = s.print.red(line)
		case tenant.ActionAdd:
			line = s.print.green(line)
		case tenant.ActionKeep:
			line = s.print.faint(line + "  (not in the folder; --remove deletes it)")
		}
		s.print.line("%s", line)
		if step.Note != "" {
			s.print.line("         %s", step.Note)
		}
	}
	s.print.line("%d to change, %d the same", p.Changes(), p.Same)
	return nil
}
