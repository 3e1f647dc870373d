package eventbridge

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
)

type CreateApiDestinationInput struct {
	Name                         string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description                  string `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	ConnectionArn                string `json:"ConnectionArn" aws:"required,min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$"`
	InvocationEndpoint           string `json:"InvocationEndpoint" aws:"required,min=1,max=2048,pattern=^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$"`
	HttpMethod                   string `json:"HttpMethod" aws:"required,enum=HEAD|POST|PATCH|DELETE|PUT|GET|OPTIONS"`
	InvocationRateLimitPerSecond *int   `json:"InvocationRateLimitPerSecond,omitempty" aws:"min=1"`
}

type CreateApiDestinationOutput struct {
	ApiDestinationArn   string        `json:"ApiDestinationArn,omitempty"`
	ApiDestinationState string        `json:"ApiDestinationState,omitempty"`
	CreationTime        *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime    *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type UpdateApiDestinationInput struct {
	Name                         string  `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description                  *string `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	ConnectionArn                string  `json:"ConnectionArn,omitempty" aws:"min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$"`
	InvocationEndpoint           string  `json:"InvocationEndpoint,omitempty" aws:"min=1,max=2048,pattern=^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$"`
	HttpMethod                   string  `json:"HttpMethod,omitempty" aws:"enum=HEAD|POST|PATCH|DELETE|PUT|GET|OPTIONS"`
	InvocationRateLimitPerSecond *int    `json:"InvocationRateLimitPerSecond,omitempty" aws:"min=1"`
}

type UpdateApiDestinationOutput struct {
	ApiDestinationArn   string        `json:"ApiDestinationArn,omitempty"`
	ApiDestinationState string        `json:"ApiDestinationState,omitempty"`
	CreationTime        *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime    *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type DescribeApiDestinationInput struct {
	Name string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DescribeApiDestinationOutput struct {
	ApiDestinationArn            string        `json:"ApiDestinationArn,omitempty"`
	Name                         string        `json:"Name,omitempty"`
	Description                  string        `json:"Description,omitempty"`
	ApiDestinationState          string        `json:"ApiDestinationState,omitempty"`
	ConnectionArn                string        `json:"ConnectionArn,omitempty"`
	InvocationEndpoint           string        `json:"InvocationEndpoint,omitempty"`
	HttpMethod                   string        `json:"HttpMethod,omitempty"`
	InvocationRateLimitPerSecond int           `json:"InvocationRateLimitPerSecond,omitempty"`
	CreationTime                 *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime             *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type DeleteApiDestinationInput struct {
	Name string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type ListApiDestinationsInput struct {
	NamePrefix    string `json:"NamePrefix,omitempty" aws:"min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	ConnectionArn string `json:"ConnectionArn,omitempty" aws:"min=1,max=1600,pattern=^arn:aws([a-z]|\\-)*:events:([a-z]|\\d|\\-)*:([0-9]{12})?:connection\\/[\\.\\-_A-Za-z0-9]+\\/[\\-A-Za-z0-9]+$"`
	NextToken     string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit         *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type destinationSummary struct {
	ApiDestinationArn            string        `json:"ApiDestinationArn,omitempty"`
	Name                         string        `json:"Name,omitempty"`
	ApiDestinationState          string        `json:"ApiDestinationState,omitempty"`
	ConnectionArn                string        `json:"ConnectionArn,omitempty"`
	InvocationEndpoint           string        `json:"InvocationEndpoint,omitempty"`
	HttpMethod                   string        `json:"HttpMethod,omitempty"`
	InvocationRateLimitPerSecond int           `json:"InvocationRateLimitPerSecond,omitempty"`
	CreationTime                 *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime             *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type ListApiDestinationsOutput struct {
	ApiDestinations []destinationSummary `json:"ApiDestinations"`
	NextToken       string               `json:"NextToken,omitempty"`
}

// destination is an HTTP endpoint that a rule can have as its target.
type destination struct {
	CreateApiDestinationInput

	ARN      string        `json:"arn"`
	Created  awsjson.Time  `json:"created"`
	Modified *awsjson.Time `json:"modified,omitempty"`
}

func (d *destination) rate() int {
	if d.InvocationRateLimitPerSecond == nil {
		return 300 // AWS's default; this server does not enforce it
	}
	return *d.InvocationRateLimitPerSecond
}

func (d *destination) modified() *awsjson.Time {
	if d.Modified == nil {
		return &d.Created
	}
	return d.Modified
}

// state returns the state of an API destination, which follows from that of its
// connection. The catalog is locked.
func (c *catalog) state(d *destination) string {
	if one := c.connectionByARN(d.ConnectionArn); one != nil && one.state() == authorized {
		return "ACTIVE"
	}
	return "INACTIVE"
}

// checkEndpoint returns the error if an endpoint is not an absolute HTTP URL. The
// host is checked at each delivery: it must be one of Options.HTTPTargets.
func checkEndpoint(endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return awsjson.Errorf("ValidationException", "Parameter InvocationEndpoint is not valid. Reason: It must be a URL with the scheme https or http, and without a user name.")
	}
	return nil
}

// address returns the host and port of a URL; the default port is that of the
// scheme.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		if port = "443"; u.Scheme == "http" {
			port = "80"
		}
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// CreateApiDestination stores an HTTP endpoint with the connection that
// authorizes requests to it.
func (s *Service) CreateApiDestination(ctx context.Context, in *CreateApiDestinationInput) (*CreateApiDestinationOutput, error) {
	if err := checkEndpoint(in.InvocationEndpoint); err != nil {
		return nil, err
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	switch {
	case s.catalog.connectionByARN(in.ConnectionArn) == nil:
		return nil, awsjson.Errorf("ResourceNotFoundException", "Connection %s does not exist.", awsjson.Clip(in.ConnectionArn))
	case s.catalog.destinations[in.Name] != nil:
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "An api-destination '%s' already exists.", in.Name)
	}
	d := &destination{CreateApiDestinationInput: *in, ARN: s.arn("events", "api-destination/"+in.Name+"/"+awsjson.NewID()), Created: awsjson.Time{Time: s.opts.Now()}}
	if err := s.storeDestination(ctx, d); err != nil {
		return nil, err
	}
	return &CreateApiDestinationOutput{ApiDestinationArn: d.ARN, ApiDestinationState: s.catalog.state(d), CreationTime: &d.Created, LastModifiedTime: d.modified()}, nil
}

// storeDestination writes an API destination to disk and puts it into the
// catalog, which is locked.
func (s *Service) storeDestination(ctx context.Context, d *destination) error {
	record, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketDestinations, []byte(d.Name), record)}); err != nil {
		return err
	}
	s.catalog.destinations[d.Name] = d
	return nil
}

// findDestination returns an API destination for an operation, which the error
// names: describe, update or delete. The catalog is locked.
func (s *Service) findDestination(operation, name string) (*destination, error) {
	if d := s.catalog.destinations[name]; d != nil {
		return d, nil
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Failed to %s the api-destination(s). An api-destination '%s' does not exist.", operation, awsjson.Clip(name))
}

// UpdateApiDestination changes what the input contains.
func (s *Service) UpdateApiDestination(ctx context.Context, in *UpdateApiDestinationInput) (*UpdateApiDestinationOutput, error) {
	if in.InvocationEndpoint != "" {
		if err := checkEndpoint(in.InvocationEndpoint); err != nil {
			return nil, err
		}
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.findDestination("update", in.Name)
	if err != nil {
		return nil, err
	}
	if in.ConnectionArn != "" && s.catalog.connectionByARN(in.ConnectionArn) == nil {
		return nil, awsjson.Errorf("ResourceNotFoundException", "Connection %s does not exist.", awsjson.Clip(in.ConnectionArn))
	}
	d := *old
	if in.Description != nil {
		d.Description = *in.Description
	}
	set(&d.ConnectionArn, in.ConnectionArn)
	set(&d.InvocationEndpoint, in.InvocationEndpoint)
	set(&d.HttpMethod, in.HttpMethod)
	if in.InvocationRateLimitPerSecond != nil {
		d.InvocationRateLimitPerSecond = in.InvocationRateLimitPerSecond
	}
	d.Modified = &awsjson.Time{Time: s.opts.Now()}
	if err := s.storeDestination(ctx, &d); err != nil {
		return nil, err
	}
	return &UpdateApiDestinationOutput{ApiDestinationArn: d.ARN, ApiDestinationState: s.catalog.state(&d), CreationTime: &d.Created, LastModifiedTime: d.modified()}, nil
}

// DescribeApiDestination returns an API destination.
func (s *Service) DescribeApiDestination(_ context.Context, in *DescribeApiDestinationInput) (*DescribeApiDestinationOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	d, err := s.findDestination("describe", in.Name)
	if err != nil {
		return nil, err
	}
	return &DescribeApiDestinationOutput{ApiDestinationArn: d.ARN, Name: d.Name, Description: d.Description, ApiDestinationState: s.catalog.state(d),
		ConnectionArn: d.ConnectionArn, InvocationEndpoint: d.InvocationEndpoint, HttpMethod: d.HttpMethod,
		InvocationRateLimitPerSecond: d.rate(), CreationTime: &d.Created, LastModifiedTime: d.modified()}, nil
}

// DeleteApiDestination removes an API destination.
func (s *Service) DeleteApiDestination(ctx context.Context, in *DeleteApiDestinationInput) (*awsjson.None, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	d, err := s.findDestination("delete", in.Name)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketDestinations, []byte(d.Name))}); err != nil {
		return nil, err
	}
	delete(s.catalog.destinations, d.Name)
	return nil, nil
}

// ListApiDestinations lists API destinations by name.
func (s *Service) ListApiDestinations(_ context.Context, in *ListApiDestinationsInput) (*ListApiDestinationsOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	matching := map[string]*destination{}
	for name, d := range s.catalog.destinations {
		if in.ConnectionArn == "" || in.ConnectionArn == d.ConnectionArn {
			matching[name] = d
		}
	}
	names, next, err := awsjson.Page(matching, in.NamePrefix, in.NextToken, in.Limit)
	out := &ListApiDestinationsOutput{ApiDestinations: []destinationSummary{}, NextToken: next}
	for _, name := range names {
		d := matching[name]
		out.ApiDestinations = append(out.ApiDestinations, destinationSummary{ApiDestinationArn: d.ARN, Name: name, ApiDestinationState: s.catalog.state(d),
			ConnectionArn: d.ConnectionArn, InvocationEndpoint: d.InvocationEndpoint, HttpMethod: d.HttpMethod,
			InvocationRateLimitPerSecond: d.rate(), CreationTime: &d.Created, LastModifiedTime: d.modified()})
	}
	return out, err
}

// destinationTimeout is how long EventBridge waits for an endpoint.
const destinationTimeout = 5 * time.Second

// destinationClient follows no redirect: it would lead past the allow-list.
var destinationClient = &http.Client{Timeout: destinationTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// destinationTargets delivers to API destinations.
type destinationTargets struct {
	catalog *catalog
	allowed []string // hosts, as host:port
}

// Deliver implements [delivery.Deliverer].
func (dt destinationTargets) Deliver(ctx context.Context, t *delivery.Task) error {
	d, c := dt.catalog.destination(t.Target.Arn)
	if c == nil {
		return delivery.Permanent("NO_RESOURCE", "The API destination or its connection does not exist.")
	}
	if c.state() != authorized {
		return delivery.Permanent("CONNECTION_NOT_AUTHORIZED", "The connection "+c.Name+" is "+c.state()+", not AUTHORIZED.")
	}
	r, err := d.request(ctx, t.Target.HttpParameters, c.body(t.Body()))
	if err != nil {
		return delivery.Permanent("SDK_CLIENT_ERROR", "The endpoint of the API destination is not a valid URL with these path parameters.")
	}
	if host := address(r.URL); !slices.Contains(dt.allowed, host) {
		return delivery.Permanent("SDK_CLIENT_ERROR", "The host "+host+" is not one of the HTTP targets that this server may call (--http-targets).")
	}
	c.authorize(r)
	resp, err := destinationClient.Do(r)
	if err != nil {
		return delivery.Retryable("TIMEOUT", "The endpoint did not respond.")
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode/100 == 2 {
		return nil
	}
	retry := resp.StatusCode >= 500 || slices.Contains([]int{401, 407, 409, 429}, resp.StatusCode)
	return &delivery.Error{Code: "SDK_CLIENT_ERROR", Message: "The endpoint returned the status " + strconv.Itoa(resp.StatusCode) + ".", Retry: retry}
}

// destination returns an API destination and its connection by the destination's
// ARN; nil if they do not exist.
func (c *catalog) destination(arn string) (*destination, *connection) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.destinations {
		if d.ARN == arn {
			return d, c.connectionByARN(d.ConnectionArn)
		}
	}
	return nil, nil
}

// request fills * in the endpoint's path, then adds query, headers and body.
func (d *destination) request(ctx context.Context, p *delivery.HttpParameters, payload []byte) (*http.Request, error) {
	endpoint := d.InvocationEndpoint
	if p == nil {
		p = &delivery.HttpParameters{}
	}
	for _, value := range p.PathParameterValues {
		endpoint = strings.Replace(endpoint, "*", url.PathEscape(value), 1)
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), d.HttpMethod, endpoint, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	for name, value := range p.QueryStringParameters {
		query.Set(name, value)
	}
	r.URL.RawQuery = query.Encode()
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Amazon/EventBridge/ApiDestinations")
	for name, value := range p.HeaderParameters {
		r.Header.Set(name, value)
	}
	return r, nil
}
