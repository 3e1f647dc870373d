package schemaregistry

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/schemas"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/fault"
)

// AWSEvents is the registry that AWS keeps of its own services' events.
const AWSEvents = "aws.events"

// attempts is how often one call is made: the Schemas API throttles early, and
// an export makes hundreds of calls.
const attempts = 8

// Options say how the Schemas API is reached. What is empty comes from the
// environment and the AWS configuration files.
type Options struct {
	Region      string
	EndpointURL string
	Profile     string
}

// NewClient makes a client that waits out throttling. The fault is Invalid, for
// a configuration that cannot be used.
func NewClient(ctx context.Context, o Options) (*schemas.Client, error) {
	var load []func(*config.LoadOptions) error
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		load = append(load, config.WithSharedConfigProfile(o.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "AWS configuration cannot be loaded: %v", err)
	}
	if cfg.Region == "" {
		return nil, fault.Errorf(fault.Invalid, "no AWS region is set; give --region or set AWS_REGION")
	}
	return schemas.NewFromConfig(cfg, func(c *schemas.Options) {
		if o.EndpointURL != "" {
			c.BaseEndpoint = aws.String(o.EndpointURL)
		}
		c.Retryer = retry.AddWithMaxAttempts(retry.NewStandard(), attempts)
	}), nil
}

// A Registry is one registry, through the Schemas API.
type Registry struct {
	client *schemas.Client
	name   string
}

var _ Source = (*Registry)(nil)

// New returns the registry of that name. Whether it exists shows with its use.
func New(client *schemas.Client, name string) *Registry {
	return &Registry{client: client, name: name}
}

// String names the registry.
func (r *Registry) String() string { return "registry " + r.name }

// Names implements [Source].
func (r *Registry) Names(ctx context.Context, prefix string) ([]string, error) {
	pages := schemas.NewListSchemasPaginator(r.client, &schemas.ListSchemasInput{
		RegistryName: &r.name, SchemaNamePrefix: &prefix})
	var names []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.failed("ListSchemas", prefix, err)
		}
		for _, s := range page.Schemas {
			if name := aws.ToString(s.SchemaName); Matches(name, prefix) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Document implements [Source].
func (r *Registry) Document(ctx context.Context, name string) (Document, error) {
	version, err := r.newest(ctx, name)
	if err != nil {
		return Document{}, err
	}
	found, err := r.client.DescribeSchema(ctx, &schemas.DescribeSchemaInput{
		RegistryName: &r.name, SchemaName: &name, SchemaVersion: &version})
	if err != nil {
		return Document{}, r.failed("DescribeSchema", name, err)
	}
	return Document{Name: name, Version: version, Content: []byte(aws.ToString(found.Content))}, nil
}

// newest finds the numerically highest version of a schema. The registry lists
// versions as text, where "10" comes before "9".
func (r *Registry) newest(ctx context.Context, name string) (string, error) {
	pages := schemas.NewListSchemaVersionsPaginator(r.client, &schemas.ListSchemaVersionsInput{
		RegistryName: &r.name, SchemaName: &name})
	var newest string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", r.failed("ListSchemaVersions", name, err)
		}
		for _, v := range page.SchemaVersions {
			if version := aws.ToString(v.SchemaVersion); newest == "" || newer(version, newest) {
				newest = version
			}
		}
	}
	if newest == "" {
		return "", fault.Errorf(fault.NotFound, "schema %q of %s has no version", name, r)
	}
	return newest, nil
}

// newer compares versions as numbers, of any length. What is no number is older
// than what is one.
func newer(a, b string) bool {
	x, isX := new(big.Int).SetString(a, 10)
	y, isY := new(big.Int).SetString(b, 10)
	if isX && isY {
		return x.Cmp(y) > 0
	}
	return isX || !isY && a > b
}

// failed tells from the API's error code who must act.
func (r *Registry) failed(action, subject string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fault.Wrap("schemaregistry."+action, fault.Unavailable, fmt.Errorf("%s of %q in %s: %w", action, subject, r, err))
	}
	code, message := fault.Unavailable, ""
	switch api.ErrorCode() {
	case "ForbiddenException", "UnauthorizedException", "AccessDeniedException", "AccessDenied",
		"UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException", "InvalidSignatureException":
		code = fault.Denied
		message = fmt.Sprintf("not allowed to read or write %q in %s: the caller needs schemas:%s", subject, r, action)
	case "NotFoundException":
		code = fault.NotFound
		message = fmt.Sprintf("%s has no %q, or does not exist", r, subject)
	case "BadRequestException":
		code = fault.Invalid
		message = fmt.Sprintf("%s refuses %s of %q", r, action, subject)
	case "ConflictException", "PreconditionFailedException":
		code = fault.Conflict
		message = fmt.Sprintf("%q in %s was changed by another meanwhile; try again", subject, r)
	case "TooManyRequestsException", "ThrottlingException", "Throttling":
		message = fmt.Sprintf("%s of %q in %s is still throttled after %d attempts; try again later", action, subject, r, attempts)
	default:
		message = fmt.Sprintf("%s of %q in %s failed", action, subject, r)
	}
	return &fault.Error{Code: code, Op: "schemaregistry." + action, Message: message, Err: err}
}
