package eventbridge

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type basicAuth struct {
	Username string `json:"Username" aws:"required,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	Password string `json:"Password" aws:"required,sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type apiKeyAuth struct {
	ApiKeyName  string `json:"ApiKeyName" aws:"required,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	ApiKeyValue string `json:"ApiKeyValue" aws:"required,sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type oAuthClient struct {
	ClientID     string `json:"ClientID" aws:"required,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	ClientSecret string `json:"ClientSecret" aws:"required,sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type oAuth struct {
	ClientParameters      *oAuthClient    `json:"ClientParameters" aws:"required"`
	AuthorizationEndpoint string          `json:"AuthorizationEndpoint" aws:"required,min=1,max=2048,pattern=^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$"`
	HttpMethod            string          `json:"HttpMethod" aws:"required,enum=GET|POST|PUT"`
	OAuthHttpParameters   *httpParameters `json:"OAuthHttpParameters,omitzero"`
}

// httpParameters are what a connection adds to each request.
type httpParameters struct {
	HeaderParameters      []headerParameter `json:"HeaderParameters,omitempty" aws:"min=0,max=100"`
	QueryStringParameters []queryParameter  `json:"QueryStringParameters,omitempty" aws:"min=0,max=100"`
	BodyParameters        []bodyParameter   `json:"BodyParameters,omitempty" aws:"min=0,max=100"`
}

type headerParameter struct {
	Key           string "json:\"Key,omitempty\" aws:\"max=512,pattern=^[!#$%&'*+-.^_`|~0-9a-zA-Z]+$\""
	Value         string `json:"Value,omitempty" aws:"sensitive,max=512,pattern=^[ \\t]*[\\x20-\\x7E]+([ \\t]+[\\x20-\\x7E]+)*[ \\t]*$"`
	IsValueSecret bool   `json:"IsValueSecret"`
}

type queryParameter struct {
	Key           string `json:"Key,omitempty" aws:"max=512,pattern=[^\\x00-\\x1F\\x7F]+"`
	Value         string `json:"Value,omitempty" aws:"sensitive,max=512,pattern=[^\\x00-\\x09\\x0B\\x0C\\x0E-\\x1F\\x7F]+"`
	IsValueSecret bool   `json:"IsValueSecret"`
}

type bodyParameter struct {
	Key           string `json:"Key,omitempty"`
	Value         string `json:"Value,omitempty" aws:"sensitive"`
	IsValueSecret bool   `json:"IsValueSecret"`
}

type authParameters struct {
	BasicAuthParameters      *basicAuth      `json:"BasicAuthParameters,omitempty"`
	OAuthParameters          *oAuth          `json:"OAuthParameters,omitempty"`
	ApiKeyAuthParameters     *apiKeyAuth     `json:"ApiKeyAuthParameters,omitempty"`
	InvocationHttpParameters *httpParameters `json:"InvocationHttpParameters,omitzero"`
}

type CreateConnectionInput struct {
	Name              string          `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description       string          `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	AuthorizationType string          `json:"AuthorizationType" aws:"required,enum=BASIC|OAUTH_CLIENT_CREDENTIALS|API_KEY"`
	AuthParameters    *authParameters `json:"AuthParameters" aws:"required"`
}

type CreateConnectionOutput struct {
	ConnectionArn    string        `json:"ConnectionArn,omitempty"`
	ConnectionState  string        `json:"ConnectionState,omitempty"`
	CreationTime     *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

// The members of the parameters of UpdateConnection are optional: a member that is
// absent is not changed.
type basicAuthUpdate struct {
	Username string `json:"Username,omitempty" aws:"min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	Password string `json:"Password,omitempty" aws:"sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type apiKeyAuthUpdate struct {
	ApiKeyName  string `json:"ApiKeyName,omitempty" aws:"min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	ApiKeyValue string `json:"ApiKeyValue,omitempty" aws:"sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type oAuthClientUpdate struct {
	ClientID     string `json:"ClientID,omitempty" aws:"min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
	ClientSecret string `json:"ClientSecret,omitempty" aws:"sensitive,min=1,max=512,pattern=^[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*$"`
}

type oAuthUpdate struct {
	ClientParameters      *oAuthClientUpdate `json:"ClientParameters,omitempty"`
	AuthorizationEndpoint string             `json:"AuthorizationEndpoint,omitempty" aws:"min=1,max=2048,pattern=^((%[0-9A-Fa-f]{2}|[-()_.!~*';/?:@\\x26=+$,A-Za-z0-9])+)([).!';/?:,])?$"`
	HttpMethod            string             `json:"HttpMethod,omitempty" aws:"enum=GET|POST|PUT"`
	OAuthHttpParameters   *httpParameters    `json:"OAuthHttpParameters,omitzero"`
}

type authParametersUpdate struct {
	BasicAuthParameters      *basicAuthUpdate  `json:"BasicAuthParameters,omitempty"`
	OAuthParameters          *oAuthUpdate      `json:"OAuthParameters,omitempty"`
	ApiKeyAuthParameters     *apiKeyAuthUpdate `json:"ApiKeyAuthParameters,omitempty"`
	InvocationHttpParameters *httpParameters   `json:"InvocationHttpParameters,omitzero"`
}

type UpdateConnectionInput struct {
	Name              string                `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	Description       *string               `json:"Description,omitempty" aws:"max=512,pattern=.*"`
	AuthorizationType string                `json:"AuthorizationType,omitempty" aws:"enum=BASIC|OAUTH_CLIENT_CREDENTIALS|API_KEY"`
	AuthParameters    *authParametersUpdate `json:"AuthParameters,omitempty"`
}

// connectionChange is the output of the operations that change a connection.
type connectionChange struct {
	ConnectionArn      string        `json:"ConnectionArn,omitempty"`
	ConnectionState    string        `json:"ConnectionState,omitempty"`
	CreationTime       *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime   *awsjson.Time `json:"LastModifiedTime,omitempty"`
	LastAuthorizedTime *awsjson.Time `json:"LastAuthorizedTime,omitempty"`
}

type DescribeConnectionInput struct {
	Name string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DeauthorizeConnectionInput struct {
	Name string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type basicAuthSummary struct {
	Username string `json:"Username,omitempty"`
}

type apiKeyAuthSummary struct {
	ApiKeyName string `json:"ApiKeyName,omitempty"`
}

type oAuthClientSummary struct {
	ClientID string `json:"ClientID,omitempty"`
}

type oAuthSummary struct {
	ClientParameters      *oAuthClientSummary `json:"ClientParameters,omitempty"`
	AuthorizationEndpoint string              `json:"AuthorizationEndpoint,omitempty"`
	HttpMethod            string              `json:"HttpMethod,omitempty"`
	OAuthHttpParameters   *httpParameters     `json:"OAuthHttpParameters,omitzero"`
}

type authSummary struct {
	BasicAuthParameters      *basicAuthSummary  `json:"BasicAuthParameters,omitempty"`
	OAuthParameters          *oAuthSummary      `json:"OAuthParameters,omitempty"`
	ApiKeyAuthParameters     *apiKeyAuthSummary `json:"ApiKeyAuthParameters,omitempty"`
	InvocationHttpParameters *httpParameters    `json:"InvocationHttpParameters,omitzero"`
}

type DescribeConnectionOutput struct {
	ConnectionArn      string        `json:"ConnectionArn,omitempty"`
	Name               string        `json:"Name,omitempty"`
	Description        string        `json:"Description,omitempty"`
	ConnectionState    string        `json:"ConnectionState,omitempty"`
	AuthorizationType  string        `json:"AuthorizationType,omitempty"`
	SecretArn          string        `json:"SecretArn,omitempty"`
	AuthParameters     *authSummary  `json:"AuthParameters,omitempty"`
	CreationTime       *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime   *awsjson.Time `json:"LastModifiedTime,omitempty"`
	LastAuthorizedTime *awsjson.Time `json:"LastAuthorizedTime,omitempty"`
}

type DeleteConnectionInput struct {
	Name string `json:"Name" aws:"required,min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type ListConnectionsInput struct {
	NamePrefix      string `json:"NamePrefix,omitempty" aws:"min=1,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	ConnectionState string `json:"ConnectionState,omitempty" aws:"enum=CREATING|UPDATING|DELETING|AUTHORIZED|DEAUTHORIZED|AUTHORIZING|DEAUTHORIZING|ACTIVE|FAILED_CONNECTIVITY"`
	NextToken       string `json:"NextToken,omitempty" aws:"min=1,max=2048"`
	Limit           *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type connectionSummary struct {
	ConnectionArn      string        `json:"ConnectionArn,omitempty"`
	Name               string        `json:"Name,omitempty"`
	ConnectionState    string        `json:"ConnectionState,omitempty"`
	AuthorizationType  string        `json:"AuthorizationType,omitempty"`
	CreationTime       *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime   *awsjson.Time `json:"LastModifiedTime,omitempty"`
	LastAuthorizedTime *awsjson.Time `json:"LastAuthorizedTime,omitempty"`
}

type ListConnectionsOutput struct {
	Connections []connectionSummary `json:"Connections"`
	NextToken   string              `json:"NextToken,omitempty"`
}

// connection describes how to authorize requests to an HTTP endpoint. It holds a
// secret, which no operation returns. A connection in the catalog is not changed,
// but replaced.
type connection struct {
	CreateConnectionInput

	ARN        string        `json:"arn"`
	SecretARN  string        `json:"secretArn,omitempty"`
	State      string        `json:"state,omitempty"` // "" means authorized
	Created    awsjson.Time  `json:"created"`
	Modified   *awsjson.Time `json:"modified,omitempty"`
	Authorized *awsjson.Time `json:"authorized,omitempty"`
}

const (
	authorized   = "AUTHORIZED"
	authorizing  = "AUTHORIZING" // OAuth: this server never requests the token
	deauthorized = "DEAUTHORIZED"
)

func (c *connection) state() string {
	if c.State == "" {
		return authorized
	}
	return c.State
}

func (c *connection) modified() *awsjson.Time {
	if c.Modified == nil {
		return &c.Created
	}
	return c.Modified
}

func (c *connection) lastAuthorized() *awsjson.Time {
	if c.Authorized == nil {
		return &c.Created
	}
	return c.Authorized
}

// touch records a change, after which the connection is authorized again.
func (c *connection) touch(now awsjson.Time) {
	c.State, c.Modified, c.Authorized = authorized, &now, &now
	if c.AuthorizationType == "OAUTH_CLIENT_CREDENTIALS" {
		c.State = authorizing
	}
}

func (c *connection) change(state string) *connectionChange {
	return &connectionChange{ConnectionArn: c.ARN, ConnectionState: state, CreationTime: &c.Created,
		LastModifiedTime: c.modified(), LastAuthorizedTime: c.lastAuthorized()}
}

// check returns the error if the parameters are not those of the authorization
// type.
func (p *authParameters) check(authorizationType string) error {
	given := map[string]bool{"API_KEY": p.ApiKeyAuthParameters != nil, "BASIC": p.BasicAuthParameters != nil,
		"OAUTH_CLIENT_CREDENTIALS": p.OAuthParameters != nil}
	if given[authorizationType] {
		return nil
	}
	return awsjson.Errorf("ValidationException", "The AuthParameters must be those of the AuthorizationType %s.", authorizationType)
}

// authorize adds to a request what the connection prescribes. Parameters of the
// connection replace those of the target that have the same name.
func (c *connection) authorize(r *http.Request) {
	if p := c.AuthParameters.ApiKeyAuthParameters; p != nil {
		r.Header.Set(p.ApiKeyName, p.ApiKeyValue)
	}
	if p := c.AuthParameters.BasicAuthParameters; p != nil {
		r.SetBasicAuth(p.Username, p.Password)
	}
	p := c.AuthParameters.InvocationHttpParameters
	if p == nil {
		return
	}
	for _, h := range p.HeaderParameters {
		r.Header.Set(h.Key, h.Value)
	}
	query := r.URL.Query()
	for _, q := range p.QueryStringParameters {
		query.Set(q.Key, q.Value)
	}
	r.URL.RawQuery = query.Encode()
}

// body adds the body parameters of the connection to a payload that is a JSON
// object. Any other payload is sent as it is.
func (c *connection) body(payload []byte) []byte {
	p := c.AuthParameters.InvocationHttpParameters
	var members map[string]jsontext.Value
	if p == nil || len(p.BodyParameters) == 0 || unmarshalLoose(payload, &members) != nil || members == nil {
		return payload
	}
	for _, b := range p.BodyParameters {
		members[b.Key] = awsjson.Quote(b.Value)
	}
	if out, err := json.Marshal(members, json.Deterministic(true), jsontext.AllowDuplicateNames(true)); err == nil {
		return out
	}
	return payload
}

// CreateConnection stores how to authorize: by an API key, by user name and
// password, or by OAuth.
func (s *Service) CreateConnection(ctx context.Context, in *CreateConnectionInput) (*CreateConnectionOutput, error) {
	if err := in.AuthParameters.check(in.AuthorizationType); err != nil {
		return nil, err
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if s.catalog.connections[in.Name] != nil {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "Connection %s already exists.", in.Name)
	}
	now := awsjson.Time{Time: s.opts.Now()}
	c := &connection{CreateConnectionInput: *in, ARN: s.arn("events", "connection/"+in.Name+"/"+awsjson.NewID()),
		SecretARN: s.arn("secretsmanager", "secret:events!connection/"+in.Name+"/"+awsjson.NewID()+"-"+rand.Text()[:6]), Created: now}
	c.touch(now)
	if err := s.storeConnection(ctx, c); err != nil {
		return nil, err
	}
	return &CreateConnectionOutput{ConnectionArn: c.ARN, ConnectionState: c.state(), CreationTime: &c.Created, LastModifiedTime: c.modified()}, nil
}

// storeConnection writes a connection to disk and puts it into the catalog, which
// is locked.
func (s *Service) storeConnection(ctx context.Context, c *connection) error {
	record, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketConnections, []byte(c.Name), record)}); err != nil {
		return err
	}
	s.catalog.connections[c.Name] = c
	return nil
}

// findConnection returns a connection for an operation, which the error names:
// describe, update, delete or deauthorize. The catalog is locked.
func (s *Service) findConnection(operation, name string) (*connection, error) {
	if c := s.catalog.connections[name]; c != nil {
		return c, nil
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Failed to %s the connection(s). Connection '%s' does not exist.", operation, awsjson.Clip(name))
}

// DescribeConnection returns a connection without its secret.
func (s *Service) DescribeConnection(_ context.Context, in *DescribeConnectionInput) (*DescribeConnectionOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	c, err := s.findConnection("describe", in.Name)
	if err != nil {
		return nil, err
	}
	return &DescribeConnectionOutput{ConnectionArn: c.ARN, Name: c.Name, Description: c.Description, ConnectionState: c.state(),
		AuthorizationType: c.AuthorizationType, SecretArn: c.SecretARN, AuthParameters: c.AuthParameters.summary(),
		CreationTime: &c.Created, LastModifiedTime: c.modified(), LastAuthorizedTime: c.lastAuthorized()}, nil
}

// summary returns the parameters without what is secret.
func (p *authParameters) summary() *authSummary {
	out := &authSummary{InvocationHttpParameters: p.InvocationHttpParameters.withoutSecrets()}
	if a := p.ApiKeyAuthParameters; a != nil {
		out.ApiKeyAuthParameters = &apiKeyAuthSummary{ApiKeyName: a.ApiKeyName}
	}
	if b := p.BasicAuthParameters; b != nil {
		out.BasicAuthParameters = &basicAuthSummary{Username: b.Username}
	}
	if o := p.OAuthParameters; o != nil {
		out.OAuthParameters = &oAuthSummary{ClientParameters: &oAuthClientSummary{ClientID: o.ClientParameters.ClientID},
			AuthorizationEndpoint: o.AuthorizationEndpoint, HttpMethod: o.HttpMethod, OAuthHttpParameters: o.OAuthHttpParameters.withoutSecrets()}
	}
	return out
}

func (p *httpParameters) withoutSecrets() *httpParameters {
	if p == nil {
		return nil
	}
	out := &httpParameters{HeaderParameters: slices.Clone(p.HeaderParameters), QueryStringParameters: slices.Clone(p.QueryStringParameters),
		BodyParameters: slices.Clone(p.BodyParameters)}
	for i := range out.HeaderParameters {
		hide(&out.HeaderParameters[i].Value, out.HeaderParameters[i].IsValueSecret)
	}
	for i := range out.QueryStringParameters {
		hide(&out.QueryStringParameters[i].Value, out.QueryStringParameters[i].IsValueSecret)
	}
	for i := range out.BodyParameters {
		hide(&out.BodyParameters[i].Value, out.BodyParameters[i].IsValueSecret)
	}
	return out
}

func hide(value *string, secret bool) {
	if secret {
		*value = ""
	}
}

// UpdateConnection changes what the input contains. A new authorization type
// replaces the parameters of the previous one.
func (s *Service) UpdateConnection(ctx context.Context, in *UpdateConnectionInput) (*connectionChange, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.findConnection("update", in.Name)
	if err != nil {
		return nil, err
	}
	c := *old
	if in.Description != nil {
		c.Description = *in.Description
	}
	p := *old.AuthParameters
	if in.AuthorizationType != "" && in.AuthorizationType != old.AuthorizationType {
		c.AuthorizationType = in.AuthorizationType
		p = authParameters{InvocationHttpParameters: p.InvocationHttpParameters}
	}
	if in.AuthParameters != nil {
		in.AuthParameters.apply(&p)
	}
	c.AuthParameters = &p
	if err := p.check(c.AuthorizationType); err != nil {
		return nil, err
	}
	if err := awsjson.Check(&c.CreateConnectionInput); err != nil {
		return nil, err // a new authorization type with incomplete parameters
	}
	c.touch(awsjson.Time{Time: s.opts.Now()})
	if err := s.storeConnection(ctx, &c); err != nil {
		return nil, err
	}
	return c.change(c.state()), nil
}

// apply changes the parameters that the update contains. p is a copy, what it
// points to is not.
func (u *authParametersUpdate) apply(p *authParameters) {
	if u.BasicAuthParameters != nil {
		b := copyOf(p.BasicAuthParameters)
		set(&b.Username, u.BasicAuthParameters.Username)
		set(&b.Password, u.BasicAuthParameters.Password)
		p.BasicAuthParameters = b
	}
	if u.ApiKeyAuthParameters != nil {
		a := copyOf(p.ApiKeyAuthParameters)
		set(&a.ApiKeyName, u.ApiKeyAuthParameters.ApiKeyName)
		set(&a.ApiKeyValue, u.ApiKeyAuthParameters.ApiKeyValue)
		p.ApiKeyAuthParameters = a
	}
	if v := u.OAuthParameters; v != nil {
		o := copyOf(p.OAuthParameters)
		o.ClientParameters = copyOf(o.ClientParameters)
		if v.ClientParameters != nil {
			set(&o.ClientParameters.ClientID, v.ClientParameters.ClientID)
			set(&o.ClientParameters.ClientSecret, v.ClientParameters.ClientSecret)
		}
		set(&o.AuthorizationEndpoint, v.AuthorizationEndpoint)
		set(&o.HttpMethod, v.HttpMethod)
		if v.OAuthHttpParameters != nil {
			o.OAuthHttpParameters = v.OAuthHttpParameters
		}
		p.OAuthParameters = o
	}
	if u.InvocationHttpParameters != nil {
		p.InvocationHttpParameters = u.InvocationHttpParameters
	}
}

// copyOf returns a copy of what p points to, the zero value if p is nil.
func copyOf[T any](p *T) *T {
	var c T
	if p != nil {
		c = *p
	}
	return &c
}

func set(field *string, value string) {
	if value != "" {
		*field = value
	}
}

// DeauthorizeConnection makes a connection unusable until it is updated.
func (s *Service) DeauthorizeConnection(ctx context.Context, in *DeauthorizeConnectionInput) (*connectionChange, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	old, err := s.findConnection("deauthorize", in.Name)
	if err != nil {
		return nil, err
	}
	c := *old
	now := awsjson.Time{Time: s.opts.Now()}
	c.State, c.Modified = deauthorized, &now
	if err := s.storeConnection(ctx, &c); err != nil {
		return nil, err
	}
	return c.change("DEAUTHORIZING"), nil
}

// DeleteConnection removes a connection.
func (s *Service) DeleteConnection(ctx context.Context, in *DeleteConnectionInput) (*connectionChange, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	c, err := s.findConnection("delete", in.Name)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketConnections, []byte(c.Name))}); err != nil {
		return nil, err
	}
	delete(s.catalog.connections, c.Name)
	return c.change("DELETING"), nil
}

// ListConnections lists connections by name.
func (s *Service) ListConnections(_ context.Context, in *ListConnectionsInput) (*ListConnectionsOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	matching := map[string]*connection{}
	for name, c := range s.catalog.connections {
		if in.ConnectionState == "" || in.ConnectionState == c.state() {
			matching[name] = c
		}
	}
	names, next, err := awsjson.Page(matching, in.NamePrefix, in.NextToken, in.Limit)
	out := &ListConnectionsOutput{Connections: []connectionSummary{}, NextToken: next}
	for _, name := range names {
		c := matching[name]
		out.Connections = append(out.Connections, connectionSummary{ConnectionArn: c.ARN, Name: name, ConnectionState: c.state(),
			AuthorizationType: c.AuthorizationType, CreationTime: &c.Created, LastModifiedTime: c.modified(), LastAuthorizedTime: c.lastAuthorized()})
	}
	return out, err
}

// connectionByARN returns a connection, nil if it does not exist. The catalog is
// locked.
func (c *catalog) connectionByARN(arn string) *connection {
	for _, one := range c.connections {
		if one.ARN == arn {
			return one
		}
	}
	return nil
}

// loadDestinations reads connections and API destinations into the catalog.
func (s *Service) loadDestinations() error {
	s.catalog.connections, s.catalog.destinations = map[string]*connection{}, map[string]*destination{}
	err := s.file.Each(bucketConnections, nil, func(key, record []byte) (bool, error) {
		c := &connection{}
		s.catalog.connections[string(key)] = c
		return true, json.Unmarshal(record, c)
	})
	if err != nil {
		return err
	}
	return s.file.Each(bucketDestinations, nil, func(key, record []byte) (bool, error) {
		d := &destination{}
		s.catalog.destinations[string(key)] = d
		return true, json.Unmarshal(record, d)
	})
}
