package main

import (
	"context"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/tenant"
)

type tenantPush struct {
	tenantLint  `embed:""`
	bucketFlags `embed:""`
	Remove      bool `help:"Also remove files of these tenants that the folder does not have."`
	DryRun      bool `name:"dry-run" help:"Show the plan, and write nothing."`
	Yes         bool `short:"y" help:"Do not ask."`
}

// bucketFlags name where tenant files are served from: an S3 bucket, or a folder.
type bucketFlags struct {
	Bucket        string `xor:"where" required:"" help:"The S3 bucket of the deployment."`
	To            string `xor:"where" required:"" type:"path" help:"A folder instead of a bucket."`
	Prefix        string `default:"schemas/" help:"What stands before every key in the bucket."`
	Region        string `env:"AWS_REGION" help:"The bucket's region."`
	S3EndpointURL string `name:"s3-endpoint-url" env:"AWS_ENDPOINT_URL_S3" help:"Another address of S3."`
}

// open opens it, and answers the prefix of its keys.
func (f *bucketFlags) open(ctx context.Context) (blob.Bucket, string, error) {
	if f.To != "" {
		if err := os.MkdirAll(f.To, 0o755); err != nil {
			return nil, "", fault.Errorf(fault.Invalid, "--to: %v", err)
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

// name is what a person calls it.
func (f *bucketFlags) name() string {
	if f.To != "" {
		return f.To
	}
	return "s3://" + f.Bucket + "/" + f.Prefix
}

// Run lints, shows the plan, and carries it out.
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
		s.print.note("%s", f)
		if f.Severity == tenant.SeverityError {
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
	if err := plan.Do(s.ctx); err != nil {
		return err
	}
	s.print.note("pushed to %s; it is in force within 30 seconds", c.name())
	return nil
}

func (c *tenantPush) show(s *session, p *tenant.Push) error {
	if done, err := s.print.value(p); done {
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
			line = s.print.faint(line + "  (only there; --remove takes it away)")
		}
		s.print.line("%s", line)
		if step.Note != "" {
			s.print.line("         %s", step.Note)
		}
	}
	s.print.line("%d to change, %d the same", p.Changes(), p.Same)
	return nil
}
