package app

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/awshttp"
	"github.com/blockforger/eventrouter/internal/blob/s3blob"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/store/dynamostore"
	"github.com/blockforger/eventrouter/tenant"
)

// FromEnvironment returns the configuration of a function on AWS. It reads the
// environment variables of package names, and AWS's own for region,
// credentials and, in tests, endpoints; it does no I/O. The SDK's configuration
// loader is not used: it looks for files and services that a Lambda function
// does not have, and makes a cold start slower. Faults are Invalid and name the
// variable.
func FromEnvironment(getenv func(string) string) (Config, error) {
	e := environment{getenv: getenv}
	var (
		env       = e.required(names.EnvEnvironment)
		table     = e.required(names.EnvTable)
		bucket    = e.required(names.EnvBucket)
		account   = e.required(names.EnvAccount)
		region    = e.required("AWS_REGION")
		partition = e.or(names.EnvPartition, "aws")
		retention = time.Duration(e.integer(names.EnvMarkDays, names.MarkDays)) * 24 * time.Hour
		timeout   = time.Duration(e.integer(names.EnvTimeout, int(names.Timeout/time.Second))) * time.Second
	)
	c := Config{
		Environment: env,
		Account:     account,
		Lifetime:    timeout + names.RelayGrace,
		RelayOwner:  rand.Text(),
		Retention:   retention,
		StrictKeys:  StrictKeys(getenv),
	}
	own, expected := events.DefaultBus(partition, region, c.Account), []events.BusARN(nil)
	if output := getenv(names.EnvOutputBus); output != "" {
		own = events.BusARN(output)
		expected = append(expected, own)
	}
	if e.err == nil {
		_, e.err = events.ParseBusARN(string(own))
	}
	buses, err := tenant.ParseAllowList(getenv(names.EnvOutputBuses))
	if e.err == nil && err != nil {
		e.err = fault.Errorf(fault.Invalid, "environment variable %s: %s", names.EnvOutputBuses, fault.MessageOf(err))
	}
	if e.err != nil {
		return Config{}, e.err
	}
	c.Catalog = tenant.CatalogOptions{Vanished: time.Hour, DefaultBus: own, AllowBus: tenant.AllowOnly(own, buses)}
	expected = append(expected, tenant.BusesOf(buses)...)
	c.Watch.Expected = func(context.Context) ([]events.BusARN, error) { return expected, nil }

	credentials := e.credentials()
	c.Ledger = dynamostore.New(dynamodb.New(dynamodb.Options{
		Region: region, Credentials: credentials, BaseEndpoint: e.endpoint("DYNAMODB"),
	}, func(o *dynamodb.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) }), table, nil)
	c.EventBridge = eventbridgebus.New(eventbridge.Options{
		Credentials: credentials, BaseEndpoint: e.endpoint("EVENTBRIDGE"),
	})
	objects := s3.New(s3.Options{
		Region: region, Credentials: credentials, BaseEndpoint: e.endpoint("S3"),
		UsePathStyle: e.endpoint("S3") != nil, DisableLogOutputChecksumValidationSkipped: true,
	}, func(o *s3.Options) { o.HTTPClient = awshttp.Keep(o.HTTPClient) })
	if c.Files, err = s3blob.New(objects, bucket, getenv(names.EnvSchemasPrefix)); err != nil {
		return Config{}, err
	}
	prefix, err := bucketPrefix(e.or(names.EnvDataPrefix, names.DataPrefix))
	if err != nil {
		return Config{}, err
	}
	if c.Objects, err = s3blob.New(objects, bucket, prefix); err != nil {
		return Config{}, err
	}
	return c, nil
}

// StrictKeys reports whether every commit checks that the API key is active.
func StrictKeys(getenv func(string) string) bool {
	return getenv(names.EnvStrictKeys) == "true"
}

// bucketPrefix returns what precedes data/ in the keys of records: the
// projections add that part themselves.
func bucketPrefix(dataPrefix string) (string, error) {
	prefix, ok := strings.CutSuffix(dataPrefix, names.DataPrefix)
	if !ok || prefix != "" && !strings.HasSuffix(prefix, "/") {
		return "", fault.Errorf(fault.Invalid, "environment variable %s must be %s, or a path that ends in /%s, not %q",
			names.EnvDataPrefix, names.DataPrefix, names.DataPrefix, dataPrefix)
	}
	return prefix, nil
}

// environment reads variables and keeps the first that is wrong.
type environment struct {
	getenv func(string) string
	err    error
}

func (e *environment) required(name string) string {
	value := e.getenv(name)
	if value == "" && e.err == nil {
		e.err = fault.Errorf(fault.Invalid, "environment variable %s is not set", name)
	}
	return value
}

func (e *environment) or(name, otherwise string) string {
	if value := e.getenv(name); value != "" {
		return value
	}
	return otherwise
}

func (e *environment) integer(name string, otherwise int) int {
	text := e.getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if (err != nil || n <= 0) && e.err == nil {
		e.err = fault.Errorf(fault.Invalid, "environment variable %s must be a positive integer, not %q", name, text)
	}
	return n
}

// credentials are those that Lambda puts into the environment; they last as
// long as the process does.
func (e *environment) credentials() aws.CredentialsProvider {
	c := aws.Credentials{
		AccessKeyID:     e.getenv("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: e.getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    e.getenv("AWS_SESSION_TOKEN"),
		Source:          "environment",
	}
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		if !c.HasKeys() {
			return c, fault.Errorf(fault.Unavailable, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
		}
		return c, nil
	})
}

// endpoint is another address of a service, as AWS's tools name it, or nil.
func (e *environment) endpoint(service string) *string {
	for _, name := range [...]string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if url := e.getenv(name); url != "" {
			return &url
		}
	}
	return nil
}
