package functions

import (
	"context"
	"net/http"
	"strings"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
)

type ListFunctionsInput struct {
	Marker   string `query:"Marker" json:"Marker,omitempty"`
	MaxItems *int   `query:"MaxItems" json:"MaxItems,omitempty" aws:"min=1,max=10000"`
}

type ListFunctionsOutput struct {
	NextMarker string                  `json:"NextMarker,omitempty"`
	Functions  []functionConfiguration `json:"Functions"`
}

type functionConfiguration struct {
	FunctionName  string         `json:"FunctionName"`
	FunctionArn   string         `json:"FunctionArn"`
	Runtime       string         `json:"Runtime"`
	Handler       string         `json:"Handler"`
	Timeout       int            `json:"Timeout"`
	MemorySize    int            `json:"MemorySize"`
	Version       string         `json:"Version"`
	PackageType   string         `json:"PackageType"`
	State         string         `json:"State"`
	Architectures []string       `json:"Architectures"`
	LoggingConfig *loggingConfig `json:"LoggingConfig"`

	Role             string               `json:"Role,omitempty"`
	Description      string               `json:"Description,omitempty"`
	CodeSize         int                  `json:"CodeSize,omitzero"`
	CodeSha256       string               `json:"CodeSha256,omitempty"`
	LastModified     string               `json:"LastModified,omitempty"`
	LastUpdateStatus string               `json:"LastUpdateStatus,omitempty"`
	Environment      *functionEnvironment `json:"Environment,omitempty"`
}

type loggingConfig struct {
	LogGroup string `json:"LogGroup"`
}

type GetFunctionInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required"`
}

type GetFunctionOutput struct {
	Configuration *functionConfiguration `json:"Configuration"`
}

type GetPolicyInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required"`
}

type GetPolicyOutput struct {
	Policy     string `json:"Policy"`
	RevisionId string `json:"RevisionId,omitempty"`
}

type AddPermissionInput struct {
	FunctionName  string `path:"FunctionName" json:"FunctionName" aws:"required"`
	StatementId   string `json:"StatementId" aws:"required,max=100,pattern=([a-zA-Z0-9-_]+)"`
	Action        string `json:"Action" aws:"required,pattern=(lambda:[*]|lambda:[a-zA-Z]+|[*])"`
	Principal     string `json:"Principal" aws:"required"`
	SourceArn     string `json:"SourceArn,omitempty"`
	SourceAccount string `json:"SourceAccount,omitempty" aws:"pattern=\\d{12}"`
}

type AddPermissionOutput struct {
	Statement string `json:"Statement"`
}

type RemovePermissionInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required"`
	StatementId  string `path:"StatementId" json:"StatementId" aws:"required,max=100"`
}

// Operations returns the operations that are served by path, without Invoke.
func (s *Service) Operations() []restjson.Operation {
	const functions = "/2015-03-31/functions"
	return []restjson.Operation{
		restjson.Op("GET "+functions, "ListFunctions", s.ListFunctions),
		restjson.Op("GET "+functions+"/", "ListFunctions", s.ListFunctions),
		restjson.Op("POST "+functions, "CreateFunction", s.CreateFunction).WithStatus(http.StatusCreated).WithGuard(s.mayCreate, maxCodeBody),
		restjson.Op("PUT "+functions+"/{FunctionName}/code", "UpdateFunctionCode", s.UpdateFunctionCode).WithGuard(s.mayCreate, maxCodeBody),
		restjson.Op("DELETE "+functions+"/{FunctionName}", "DeleteFunction", s.DeleteFunction).WithStatus(http.StatusNoContent).WithGuard(s.mayCreate, 0),
		restjson.Op("GET "+functions+"/{FunctionName}", "GetFunction", s.GetFunction),
		restjson.Op("GET "+functions+"/{FunctionName}/configuration", "GetFunctionConfiguration", s.GetFunctionConfiguration),
		restjson.Op("GET "+functions+"/{FunctionName}/policy", "GetPolicy", s.GetPolicy),
		restjson.Op("POST "+functions+"/{FunctionName}/policy", "AddPermission", s.AddPermission),
		restjson.Op("DELETE "+functions+"/{FunctionName}/policy/{StatementId}", "RemovePermission", s.RemovePermission),
	}
}

// Routes adds Lambda's API to a mux.
func (s *Service) Routes(mux *http.ServeMux) {
	restjson.Register(mux, s.opts.Log, s.Operations()...)
	mux.HandleFunc("POST /2015-03-31/functions/{FunctionName}/invocations", s.serveInvoke)
}

// find returns the name of the function that a name, an ARN or a part of one
// names, with or without a version.
func (s *Service) find(name string) (string, error) {
	if i := strings.LastIndex(name, "function:"); i >= 0 {
		name = name[i+len("function:"):]
	}
	name, _, _ = strings.Cut(name, ":")
	if _, ok := s.handler(name); !ok {
		return "", &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
			Message: "Function not found: " + s.arn(awsjson.Clip(name))}
	}
	return name, nil
}

// configuration returns the configuration of a function.
func (s *Service) configuration(name string) functionConfiguration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.describe(name)
}

// describe is configuration with mu held.
func (s *Service) describe(name string) functionConfiguration {
	f := functionConfiguration{FunctionName: name, FunctionArn: s.arn(name), Runtime: "provided.al2023", Handler: "bootstrap",
		Timeout: int(s.opts.Timeout.Seconds()), MemorySize: 128, Version: "$LATEST", PackageType: "Zip", State: "Active",
		Architectures: []string{"arm64"}, LoggingConfig: &loggingConfig{LogGroup: logGroup(name)}}
	if c := s.created[name]; c != nil {
		f.Runtime, f.Handler, f.Role, f.Description, f.Timeout, f.MemorySize = c.Runtime, c.Handler, c.Role, c.Description, c.Timeout, c.Memory
		f.Architectures, f.CodeSize, f.CodeSha256 = []string{c.Architecture}, c.CodeSize, c.CodeSHA256
		f.LastModified, f.LastUpdateStatus = c.Modified.Format("2006-01-02T15:04:05.000+0000"), "Successful"
		if len(c.Variables) > 0 {
			f.Environment = &functionEnvironment{Variables: c.Variables}
		}
	}
	return f
}

// ListFunctions lists the functions that are registered.
func (s *Service) ListFunctions(_ context.Context, in *ListFunctionsInput) (*ListFunctionsOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	most := 50
	if in.MaxItems != nil {
		most = min(most, *in.MaxItems)
	}
	names, next, err := awsjson.Page(s.handlers, "", in.Marker, &most)
	out := &ListFunctionsOutput{Functions: []functionConfiguration{}, NextMarker: next}
	for _, name := range names {
		out.Functions = append(out.Functions, s.describe(name))
	}
	return out, err
}

// GetFunction describes a function.
func (s *Service) GetFunction(_ context.Context, in *GetFunctionInput) (*GetFunctionOutput, error) {
	name, err := s.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	c := s.configuration(name)
	return &GetFunctionOutput{Configuration: &c}, nil
}

// GetFunctionConfiguration describes a function.
func (s *Service) GetFunctionConfiguration(_ context.Context, in *GetFunctionInput) (*functionConfiguration, error) {
	name, err := s.find(in.FunctionName)
	if err != nil {
		return nil, err
	}
	c := s.configuration(name)
	return &c, nil
}
