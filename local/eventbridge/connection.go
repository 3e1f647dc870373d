package eventbridge

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
)

type basicAuth struct {
	Username string `json:"Username" aws:"required,max=512,pattern=[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*"`
	Password string `json:"Password" aws:"required,max=512,pattern=[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*"`
}

type apiKeyAuth struct {
	ApiKeyName  string `json:"ApiKeyName" aws:"required,max=512,pattern=[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*"`
	ApiKeyValue string `json:"ApiKeyValue" aws:"required,max=512,pattern=[ \\t]*[^\\x00-\\x1F:\\x7F]+([ \\t]+[^\\x00-\\x1F:\\x7F]+)*[ \\t]*"`
}

type authParameters struct {
	BasicAuthParameters  *basicAuth  `json:"BasicAuthParameters,omitempty"`
	ApiKeyAuthParameters *apiKeyAuth `json:"ApiKeyAuthParameters,omitempty"`
}

type CreateConnectionInput struct {
	Name              string          `json:"Name" aws:"required,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
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

type DescribeConnectionInput struct {
	Name string `json:"Name" aws:"required,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type basicAuthSummary struct {
	Username string `json:"Username,omitempty"`
}

type apiKeyAuthSummary struct {
	ApiKeyName string `json:"ApiKeyName,omitempty"`
}

type authSummary struct {
	BasicAuthParameters  *basicAuthSummary  `json:"BasicAuthParameters,omitempty"`
	ApiKeyAuthParameters *apiKeyAuthSummary `json:"ApiKeyAuthParameters,omitempty"`
}

type DescribeConnectionOutput struct {
	ConnectionArn     string        `json:"ConnectionArn,omitempty"`
	Name              string        `json:"Name,omitempty"`
	Description       string        `json:"Description,omitempty"`
	ConnectionState   string        `json:"ConnectionState,omitempty"`
	AuthorizationType string        `json:"AuthorizationType,omitempty"`
	AuthParameters    *authSummary  `json:"AuthParameters,omitempty"`
	CreationTime      *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime  *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type DeleteConnectionInput struct {
	Name string `json:"Name" aws:"required,max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
}

type DeleteConnectionOutput struct {
	ConnectionArn    string        `json:"ConnectionArn,omitempty"`
	ConnectionState  string        `json:"ConnectionState,omitempty"`
	CreationTime     *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type ListConnectionsInput struct {
	NamePrefix      string `json:"NamePrefix,omitempty" aws:"max=64,pattern=[\\.\\-_A-Za-z0-9]+"`
	ConnectionState string `json:"ConnectionState,omitempty" aws:"enum=CREATING|UPDATING|DELETING|AUTHORIZED|DEAUTHORIZED|AUTHORIZING|DEAUTHORIZING|ACTIVE|FAILED_CONNECTIVITY"`
	NextToken       string `json:"NextToken,omitempty" aws:"max=2048"`
	Limit           *int   `json:"Limit,omitempty" aws:"min=1,max=100"`
}

type connectionSummary struct {
	ConnectionArn     string        `json:"ConnectionArn,omitempty"`
	Name              string        `json:"Name,omitempty"`
	ConnectionState   string        `json:"ConnectionState,omitempty"`
	AuthorizationType string        `json:"AuthorizationType,omitempty"`
	CreationTime      *awsjson.Time `json:"CreationTime,omitempty"`
	LastModifiedTime  *awsjson.Time `json:"LastModifiedTime,omitempty"`
}

type ListConnectionsOutput struct {
	Connections []connectionSummary `json:"Connections"`
	NextToken   string              `json:"NextToken,omitempty"`
}

// connection is how to authorize against an HTTP endpoint. It holds a secret,
// which is never shown.
type connection struct {
	CreateConnectionInput

	ARN     string       `json:"arn"`
	Created awsjson.Time `json:"created"`
}

const authorized = "AUTHORIZED"

// authorize adds what the connection says to a request.
func (c *connection) authorize(r *http.Request) {
	if p := c.AuthParameters.ApiKeyAuthParameters; p != nil {
		r.Header.Set(p.ApiKeyName, p.ApiKeyValue)
	}
	if p := c.AuthParameters.BasicAuthParameters; p != nil {
		r.SetBasicAuth(p.Username, p.Password)
	}
}

// CreateConnection keeps how to authorize: by API key or by name and password.
func (s *Service) CreateConnection(ctx context.Context, in *CreateConnectionInput) (*CreateConnectionOutput, error) {
	p := in.AuthParameters
	switch {
	case in.AuthorizationType == "API_KEY" && p.ApiKeyAuthParameters != nil:
	case in.AuthorizationType == "BASIC" && p.BasicAuthParameters != nil:
	case in.AuthorizationType == "OAUTH_CLIENT_CREDENTIALS":
		return nil, awsjson.Errorf("ValidationException", "Connections by OAuth are not served here; use API_KEY or BASIC.")
	default:
		return nil, awsjson.Errorf("ValidationException", "The AuthParameters must be those of the AuthorizationType %s.", in.AuthorizationType)
	}
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	if s.catalog.connections[in.Name] != nil {
		return nil, awsjson.Errorf("ResourceAlreadyExistsException", "Connection %s already exists.", in.Name)
	}
	c := &connection{CreateConnectionInput: *in, ARN: s.arn("events", "connection/"+in.Name+"/"+awsjson.NewID()), Created: awsjson.Time{Time: s.opts.Now()}}
	record, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketConnections, []byte(c.Name), record)}); err != nil {
		return nil, err
	}
	s.catalog.connections[c.Name] = c
	return &CreateConnectionOutput{ConnectionArn: c.ARN, ConnectionState: authorized, CreationTime: &c.Created, LastModifiedTime: &c.Created}, nil
}

func (s *Service) findConnection(name string) (*connection, error) {
	if c := s.catalog.connections[name]; c != nil {
		return c, nil
	}
	return nil, awsjson.Errorf("ResourceNotFoundException", "Connection '%s' does not exist.", awsjson.Clip(name))
}

// DescribeConnection tells all of a connection but its secret.
func (s *Service) DescribeConnection(_ context.Context, in *DescribeConnectionInput) (*DescribeConnectionOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	c, err := s.findConnection(in.Name)
	if err != nil {
		return nil, err
	}
	shown := &authSummary{}
	if p := c.AuthParameters.ApiKeyAuthParameters; p != nil {
		shown.ApiKeyAuthParameters = &apiKeyAuthSummary{ApiKeyName: p.ApiKeyName}
	}
	if p := c.AuthParameters.BasicAuthParameters; p != nil {
		shown.BasicAuthParameters = &basicAuthSummary{Username: p.Username}
	}
	return &DescribeConnectionOutput{ConnectionArn: c.ARN, Name: c.Name, Description: c.Description, ConnectionState: authorized,
		AuthorizationType: c.AuthorizationType, AuthParameters: shown, CreationTime: &c.Created, LastModifiedTime: &c.Created}, nil
}

// DeleteConnection forgets a connection.
func (s *Service) DeleteConnection(ctx context.Context, in *DeleteConnectionInput) (*DeleteConnectionOutput, error) {
	s.catalog.mu.Lock()
	defer s.catalog.mu.Unlock()
	c, err := s.findConnection(in.Name)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(bucketConnections, []byte(c.Name))}); err != nil {
		return nil, err
	}
	delete(s.catalog.connections, c.Name)
	return &DeleteConnectionOutput{ConnectionArn: c.ARN, ConnectionState: "DELETING", CreationTime: &c.Created, LastModifiedTime: &c.Created}, nil
}

// ListConnections lists connections by name.
func (s *Service) ListConnections(_ context.Context, in *ListConnectionsInput) (*ListConnectionsOutput, error) {
	s.catalog.mu.RLock()
	defer s.catalog.mu.RUnlock()
	names, next, err := awsjson.Page(s.catalog.connections, in.NamePrefix, in.NextToken, in.Limit)
	out := &ListConnectionsOutput{Connections: []connectionSummary{}, NextToken: next}
	for _, name := range names {
		if in.ConnectionState != "" && in.ConnectionState != authorized {
			break
		}
		c := s.catalog.connections[name]
		out.Connections = append(out.Connections, connectionSummary{ConnectionArn: c.ARN, Name: name, ConnectionState: authorized,
			AuthorizationType: c.AuthorizationType, CreationTime: &c.Created, LastModifiedTime: &c.Created})
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

// loadDestinations brings connections and destinations into memory.
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
