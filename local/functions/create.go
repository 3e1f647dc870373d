package functions

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/loopback"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/program"
)

// BucketFunctions holds the created functions, by name.
const BucketFunctions = "functions"

// maxCodeBody bounds a request with code: 50 MB of zip file in base64.
const maxCodeBody = 70 << 20

// stored is a function that CreateFunction has created.
type stored struct {
	Description  string            `json:"description,omitempty"`
	Role         string            `json:"role"`
	Runtime      string            `json:"runtime"`
	Handler      string            `json:"handler"`
	Architecture string            `json:"architecture"`
	Timeout      int               `json:"timeout"` // in seconds
	Memory       int               `json:"memory"`
	Variables    map[string]string `json:"variables,omitempty"`
	Folder       string            `json:"folder"` // of the code, below Options.CodeDir
	CodeSHA256   string            `json:"codeSha256"`
	CodeSize     int               `json:"codeSize"`
	Modified     time.Time         `json:"modified"`
}

// created is a stored function that runs.
type created struct {
	stored
	program *program.Program
}

type functionCode struct {
	ZipFile []byte `json:"ZipFile,omitempty"`
}

type functionEnvironment struct {
	Variables map[string]string `json:"Variables,omitempty"`
}

type CreateFunctionInput struct {
	FunctionName  string               `json:"FunctionName" aws:"required,max=140"`
	Runtime       string               `json:"Runtime,omitempty"`
	Role          string               `json:"Role" aws:"required"`
	Handler       string               `json:"Handler,omitempty" aws:"max=128"`
	Code          *functionCode        `json:"Code" aws:"required"`
	Description   string               `json:"Description,omitempty" aws:"max=256"`
	Timeout       *int                 `json:"Timeout,omitempty" aws:"min=1"`
	MemorySize    *int                 `json:"MemorySize,omitempty" aws:"min=128,max=32768"`
	Environment   *functionEnvironment `json:"Environment,omitempty"`
	Architectures []string             `json:"Architectures,omitempty" aws:"min=1,max=1"`
	PackageType   string               `json:"PackageType,omitempty"`
}

type UpdateFunctionCodeInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required,max=140"`
	ZipFile      []byte `json:"ZipFile,omitempty"`
}

type DeleteFunctionInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required,max=256"`
}

// mayCreate rejects requests that change functions, unless Options.AllowCreate is set and
// they come from this machine: the code runs with the rights of the server.
func (s *Service) mayCreate(r *http.Request) error {
	forwarded := r.Header.Get("Forwarded") != "" || r.Header.Get("X-Forwarded-For") != ""
	switch {
	case !s.opts.AllowCreate:
		return accessDenied("Functions cannot be created here. Start the server with --allow-create-function, or register a program with --function NAME=./bootstrap.")
	case forwarded || !loopback.Peer(r.RemoteAddr):
		return accessDenied("Functions can be created from the server's own machine only.")
	}
	return nil
}

func accessDenied(message string) error {
	return &awsjson.Error{Code: "AccessDeniedException", Status: http.StatusForbidden, Message: message}
}

func invalidValue(format string, args ...any) error {
	return awsjson.Errorf("InvalidParameterValueException", format, args...)
}

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	variableName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]+$`)
)

// reserved are the environment variables that Lambda sets itself.
func reserved(name string) bool {
	return strings.HasPrefix(name, "AWS_LAMBDA_") || slices.Contains([]string{"_HANDLER", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY",
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "AWS_ENDPOINT_URL"}, name)
}

// CreateFunction creates a function from a zip file with a program named bootstrap.
func (s *Service) CreateFunction(ctx context.Context, in *CreateFunctionInput) (*functionConfiguration, error) {
	name := in.FunctionName[strings.LastIndexByte(in.FunctionName, ':')+1:]
	one := &stored{Description: in.Description, Role: in.Role, Runtime: in.Runtime, Handler: in.Handler, Architecture: "x86_64", Timeout: 3, Memory: 128}
	switch {
	case !functionName.MatchString(name):
		return nil, invalidValue("The function name must have 1 to 64 letters, digits, - or _.")
	case in.PackageType != "" && in.PackageType != "Zip":
		return nil, invalidValue("The package type %s is not supported here; it must be Zip.", awsjson.Clip(in.PackageType))
	case in.Runtime != "provided.al2023" && in.Runtime != "provided.al2":
		return nil, invalidValue("The runtime %s is not supported here; it must be provided.al2023.", awsjson.Clip(in.Runtime))
	case in.Handler == "":
		return nil, invalidValue("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	case len(in.Code.ZipFile) == 0:
		return nil, invalidValue("The code must be a ZipFile.")
	}
	if in.Timeout != nil {
		if one.Timeout = *in.Timeout; one.Timeout > 900 {
			return nil, invalidValue("The timeout must not be longer than 900 seconds.")
		}
	}
	if in.MemorySize != nil {
		one.Memory = *in.MemorySize
	}
	if len(in.Architectures) > 0 {
		if one.Architecture = in.Architectures[0]; one.Architecture != "arm64" && one.Architecture != "x86_64" {
			return nil, invalidValue("The architecture must be arm64 or x86_64.")
		}
	}
	if in.Environment != nil {
		one.Variables = in.Environment.Variables
		for variable, value := range one.Variables {
			switch {
			case reserved(variable):
				return nil, invalidValue("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", variable)
			case !variableName.MatchString(variable) || strings.ContainsRune(value, 0):
				return nil, invalidValue("The name of an environment variable must have letters, digits and _, and begin with a letter; its value must not contain a zero byte.")
			}
		}
	}
	s.changes.Lock()
	defer s.changes.Unlock()
	if _, exists := s.handler(name); exists {
		return nil, &awsjson.Error{Code: "ResourceConflictException", Status: http.StatusConflict, Message: "Function already exist: " + name}
	}
	return s.install(ctx, name, one, in.Code.ZipFile)
}

// install unpacks the code of a function, stores the function and starts to use it.
func (s *Service) install(ctx context.Context, name string, one *stored, code []byte) (*functionConfiguration, error) {
	sum := sha256.Sum256(code)
	one.CodeSHA256, one.CodeSize, one.Modified = base64.StdEncoding.EncodeToString(sum[:]), len(code), s.opts.Now().UTC()
	folder, err := unpack(s.opts.CodeDir, name, code)
	if err != nil {
		return nil, err
	}
	one.Folder = folder
	p, err := s.newProgram(name, one)
	if err != nil {
		return nil, invalidValue("%s", fault.MessageOf(err))
	}
	record, err := json.Marshal(one)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Put(BucketFunctions, []byte(name), record)}); err != nil {
		return nil, err
	}
	s.use(name, &created{*one, p})
	c := s.configuration(name)
	return &c, nil
}

func (s *Service) newProgram(name string, one *stored) (*program.Program, error) {
	return program.New(program.Options{Name: name, Path: filepath.Join(s.opts.CodeDir, one.Folder, "bootstrap"), ARN: s.arn(name), Region: s.opts.Region,
		Endpoint: s.opts.Endpoint, Env: one.Variables, LogGroup: logGroup(name), Log: s.opts.Log})
}

// use makes a created function the one of its name and stops its predecessor.
func (s *Service) use(name string, c *created) {
	s.Register(name, c.program.Invoke)
	s.mu.Lock()
	old := s.created[name]
	s.created[name] = c
	s.mu.Unlock()
	if old != nil {
		old.program.Close()
	}
}

// findCreated returns a function that CreateFunction has created.
func (s *Service) findCreated(name string) (string, *created, error) {
	name, err := s.find(name)
	if err != nil {
		return "", nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.created[name]; c != nil {
		return name, c, nil
	}
	return "", nil, accessDenied("The function " + name + " was not created with CreateFunction and cannot be changed here.")
}

// UpdateFunctionCode replaces the code of a created function.
func (s *Service) UpdateFunctionCode(ctx context.Context, in *UpdateFunctionCodeInput) (*functionConfiguration, error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	name, old, err := s.findCreated(in.FunctionName)
	if err != nil {
		return nil, err
	}
	if len(in.ZipFile) == 0 {
		return nil, invalidValue("The code must be a ZipFile.")
	}
	one := old.stored
	out, err := s.install(ctx, name, &one, in.ZipFile)
	if err == nil && one.Folder != old.Folder {
		s.removeCode(old.Folder)
	}
	return out, err
}

// DeleteFunction removes a created function with its policy; its log group remains.
func (s *Service) DeleteFunction(ctx context.Context, in *DeleteFunctionInput) (*awsjson.None, error) {
	s.changes.Lock()
	defer s.changes.Unlock()
	name, old, err := s.findCreated(in.FunctionName)
	if err != nil {
		return nil, err
	}
	if err := s.file.Commit(ctx, []datafile.Write{s.file.Remove(BucketFunctions, []byte(name)), s.file.Remove(BucketPolicies, []byte(name))}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	delete(s.created, name)
	delete(s.handlers, name)
	s.mu.Unlock()
	old.program.Close()
	s.removeCode(old.Folder)
	return nil, nil
}

// LoadCreated starts to use the functions that an earlier process created, if functions
// may be created at all.
func (s *Service) LoadCreated() error {
	return s.file.Each(BucketFunctions, nil, func(key, record []byte) (bool, error) {
		name, one := string(key), &stored{}
		if err := json.Unmarshal(record, one); err != nil {
			return false, err
		}
		if !s.opts.AllowCreate {
			s.opts.Log.Warn("a created function is not used without --allow-create-function", "function", name)
			return true, nil
		}
		p, err := s.newProgram(name, one)
		if err != nil {
			s.opts.Log.Error("a created function cannot be used; create it again", "function", name, "error", err)
			return true, nil
		}
		s.use(name, &created{*one, p})
		return true, nil
	})
}

// Close stops the created functions.
func (s *Service) Close() error {
	s.mu.Lock()
	all := s.created
	s.created = map[string]*created{}
	s.mu.Unlock()
	for _, c := range all {
		c.program.Close()
	}
	return nil
}

// errZip is Lambda's error for code that is not a zip file.
//
//lint:ignore ST1005 the text is AWS's
var errZip = errors.New("Could not unzip uploaded file. Please check your file, then try to upload again.")
