package local

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/datafile"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/logs"
)

// Lambda's API, as far as it is served: the functions that are registered can
// be listed and invoked, and their policies kept and shown.

type ListFunctionsInput struct {
	Marker   string `query:"Marker" json:"Marker,omitempty"`
	MaxItems *int   `query:"MaxItems" json:"MaxItems,omitempty" aws:"min=1,max=10000"`
}

type ListFunctionsOutput struct {
	NextMarker string                  `json:"NextMarker,omitempty"`
	Functions  []FunctionConfiguration `json:"Functions"`
}

type FunctionConfiguration struct {
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
	LoggingConfig *LoggingConfig `json:"LoggingConfig"`
}

type LoggingConfig struct {
	LogGroup string `json:"LogGroup"`
}

type GetFunctionInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required"`
}

type GetFunctionOutput struct {
	Configuration *FunctionConfiguration `json:"Configuration"`
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

type RemoveFunctionPermissionInput struct {
	FunctionName string `path:"FunctionName" json:"FunctionName" aws:"required"`
	StatementId  string `path:"StatementId" json:"StatementId" aws:"required,max=100"`
}

func (s *Server) functionOperations() []restjson.Operation {
	const functions = "/2015-03-31/functions"
	return []restjson.Operation{
		restjson.Op("GET "+functions, "ListFunctions", s.ListFunctions),
		restjson.Op("GET "+functions+"/", "ListFunctions", s.ListFunctions),
		restjson.Op("GET "+functions+"/{FunctionName}", "GetFunction", s.GetFunction),
		restjson.Op("GET "+functions+"/{FunctionName}/configuration", "GetFunctionConfiguration", s.GetFunctionConfiguration),
		restjson.Op("GET "+functions+"/{FunctionName}/policy", "GetPolicy", s.GetPolicy),
		restjson.Op("POST "+functions+"/{FunctionName}/policy", "AddPermission", s.AddPermission),
		restjson.Op("DELETE "+functions+"/{FunctionName}/policy/{StatementId}", "RemovePermission", s.RemoveFunctionPermission),
	}
}

func (s *Server) registerFunctions(mux *http.ServeMux, log *slog.Logger) {
	restjson.Register(mux, log, s.functionOperations()...)
	mux.HandleFunc("POST /2015-03-31/functions/{FunctionName}/invocations", s.serveInvoke)
}

// namedFunction finds the function that a name, an ARN or a part of one names,
// with or without a version.
func (s *Server) namedFunction(name string) (string, error) {
	if i := strings.LastIndex(name, "function:"); i >= 0 {
		name = name[i+len("function:"):]
	}
	name, _, _ = strings.Cut(name, ":")
	if _, ok := s.function(name); !ok {
		return "", &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
			Message: "Function not found: " + s.functionARN(awsjson.Clip(name))}
	}
	return name, nil
}

func (s *Server) configuration(name string) FunctionConfiguration {
	return FunctionConfiguration{FunctionName: name, FunctionArn: s.functionARN(name), Runtime: "provided.al2023", Handler: "bootstrap",
		Timeout: int(s.opts.Timeout.Seconds()), MemorySize: 128, Version: "$LATEST", PackageType: "Zip", State: "Active",
		Architectures: []string{"arm64"}, LoggingConfig: &LoggingConfig{LogGroup: logGroup(name)}}
}

// ListFunctions lists the functions that are registered.
func (s *Server) ListFunctions(_ context.Context, in *ListFunctionsInput) (*ListFunctionsOutput, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	most := 50
	if in.MaxItems != nil {
		most = min(most, *in.MaxItems)
	}
	names, next, err := awsjson.Page(s.functions, "", in.Marker, &most)
	out := &ListFunctionsOutput{Functions: []FunctionConfiguration{}, NextMarker: next}
	for _, name := range names {
		out.Functions = append(out.Functions, s.configuration(name))
	}
	return out, err
}

// GetFunction describes a function.
func (s *Server) GetFunction(_ context.Context, in *GetFunctionInput) (*GetFunctionOutput, error) {
	name, err := s.namedFunction(in.FunctionName)
	if err != nil {
		return nil, err
	}
	c := s.configuration(name)
	return &GetFunctionOutput{Configuration: &c}, nil
}

// GetFunctionConfiguration describes a function.
func (s *Server) GetFunctionConfiguration(_ context.Context, in *GetFunctionInput) (*FunctionConfiguration, error) {
	name, err := s.namedFunction(in.FunctionName)
	if err != nil {
		return nil, err
	}
	c := s.configuration(name)
	return &c, nil
}

// functionPolicy reads a function's policy; one that was never written is empty.
func (s *Server) functionPolicy(name string) (*policy, error) {
	text, err := s.file.Get(bucketPolicies, []byte(name))
	if err != nil {
		text = nil
	}
	return parsePolicy(string(text))
}

// GetPolicy shows who may invoke a function.
func (s *Server) GetPolicy(_ context.Context, in *GetPolicyInput) (*GetPolicyOutput, error) {
	name, err := s.namedFunction(in.FunctionName)
	if err != nil {
		return nil, err
	}
	p, err := s.functionPolicy(name)
	if err != nil {
		return nil, err
	}
	if len(p.Statement) == 0 {
		return nil, &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound, Message: "The resource you requested does not exist."}
	}
	return &GetPolicyOutput{Policy: p.text()}, nil
}

// AddPermission lets a service or an account invoke a function. With
// Options.EnforcePermissions a rule's target is not invoked without.
func (s *Server) AddPermission(ctx context.Context, in *AddPermissionInput) (*AddPermissionOutput, error) {
	if err := awsjson.Check(in); err != nil {
		return nil, err
	}
	var st statement
	err := s.changePolicy(ctx, in.FunctionName, func(name string, p *policy) error {
		for i := range p.Statement {
			if p.Statement[i].Sid == in.StatementId {
				return &awsjson.Error{Code: "ResourceConflictException", Status: http.StatusConflict,
					Message: "The statement id (" + in.StatementId + ") provided already exists. Please provide a new statement id, or remove the existing statement."}
			}
		}
		st = statement{Sid: in.StatementId, Effect: "Allow", Principal: principal(in.Principal), Action: quoted(in.Action),
			Resource: quoted(s.functionARN(name)), Condition: sourceCondition(in)}
		p.Statement = append(p.Statement, st)
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(&st)
	return &AddPermissionOutput{Statement: string(text)}, err
}

func principal(who string) jsontext.Value {
	kind := "AWS"
	switch {
	case who == "*":
		return quoted(who)
	case strings.HasSuffix(who, ".amazonaws.com"):
		kind = "Service"
	}
	b, _ := json.Marshal(map[string]string{kind: who})
	return b
}

func sourceCondition(in *AddPermissionInput) jsontext.Value {
	c := map[string]map[string]string{}
	if in.SourceArn != "" {
		c["ArnLike"] = map[string]string{"AWS:SourceArn": in.SourceArn}
	}
	if in.SourceAccount != "" {
		c["StringEquals"] = map[string]string{"AWS:SourceAccount": in.SourceAccount}
	}
	if len(c) == 0 {
		return nil
	}
	b, _ := json.Marshal(c, json.Deterministic(true))
	return b
}

// RemoveFunctionPermission is Lambda's RemovePermission.
func (s *Server) RemoveFunctionPermission(ctx context.Context, in *RemoveFunctionPermissionInput) (*None, error) {
	return nil, s.changePolicy(ctx, in.FunctionName, func(_ string, p *policy) error {
		if !p.without(in.StatementId) {
			return &awsjson.Error{Code: "ResourceNotFoundException", Status: http.StatusNotFound,
				Message: "Statement " + awsjson.Clip(in.StatementId) + " is not found in resource policy."}
		}
		return nil
	})
}

func (s *Server) changePolicy(ctx context.Context, function string, change func(name string, p *policy) error) error {
	name, err := s.namedFunction(function)
	if err != nil {
		return err
	}
	s.catalog.mu.Lock() // one change at a time
	defer s.catalog.mu.Unlock()
	p, err := s.functionPolicy(name)
	if err != nil {
		return err
	}
	if err := change(name, p); err != nil {
		return err
	}
	return s.file.Commit(ctx, []datafile.Write{s.file.Put(bucketPolicies, []byte(name), []byte(p.text()))})
}

// permitted tells whether a function's policy lets EventBridge invoke it for a
// rule.
func (s *Server) permitted(function, ruleARN string) bool {
	p, err := s.functionPolicy(function)
	if err != nil {
		return false
	}
	for _, st := range p.Statement {
		var who struct{ Service string }
		var when struct {
			ArnLike map[string]string
		}
		_ = json.Unmarshal(st.Principal, &who)
		_ = json.Unmarshal(st.Condition, &when)
		source, limited := when.ArnLike["AWS:SourceArn"]
		if who.Service == "events.amazonaws.com" && (!limited || like(source, ruleARN)) {
			return true
		}
	}
	return false
}

// like matches an ARN against one with * in it.
func like(pattern, arn string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == arn
	}
	rest, ok := strings.CutPrefix(arn, parts[0])
	for _, part := range parts[1 : len(parts)-1] {
		if ok {
			_, rest, ok = strings.Cut(rest, part)
		}
	}
	return ok && strings.HasSuffix(rest, parts[len(parts)-1])
}

// What an invocation may carry, in bytes.
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
)

// serveInvoke is Lambda's Invoke: its payload is the body itself, and much of
// its answer is in headers.
func (s *Server) serveInvoke(w http.ResponseWriter, r *http.Request) {
	name, err := s.namedFunction(r.PathValue("FunctionName"))
	if err != nil {
		awsjson.WriteError(w, restjson.ContentType, err)
		return
	}
	payload, err := awsjson.ReadBody(w, r)
	if err == nil {
		err = checkPayload(payload, r.Header.Get("X-Amz-Invocation-Type") == "Event")
	}
	if err != nil {
		awsjson.WriteError(w, restjson.ContentType, err)
		return
	}
	switch r.Header.Get("X-Amz-Invocation-Type") {
	case "", "RequestResponse":
		s.invokeNow(w, r, name, payload)
	case "Event":
		if err := s.InvokeLater(r.Context(), name, payload); err != nil {
			awsjson.WriteError(w, restjson.ContentType, err)
			return
		}
		w.Header().Set("X-Amzn-Requestid", awsjson.NewID())
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		awsjson.WriteError(w, restjson.ContentType, awsjson.Errorf("InvalidParameterValueException", "The invocation type must be RequestResponse, Event or DryRun."))
	}
}

func checkPayload(payload []byte, async bool) error {
	most := maxSyncPayload
	if async {
		most = maxAsyncPayload
	}
	if len(payload) > most {
		return &awsjson.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge,
			Message: "The payload is larger than an invocation may carry."}
	}
	if len(payload) > 0 && !jsontext.Value(payload).IsValid(jsontext.AllowDuplicateNames(true)) {
		return awsjson.Errorf("InvalidRequestContentException", "Could not parse request body into json.")
	}
	return nil
}

func (s *Server) invokeNow(w http.ResponseWriter, r *http.Request, name string, payload []byte) {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	id := awsjson.NewID()
	answer, failed, err := s.Invoke(r.Context(), name, id, payload)
	if err != nil {
		awsjson.WriteError(w, restjson.ContentType, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", restjson.ContentType)
	h.Set("X-Amzn-Requestid", id)
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if failed {
		h.Set("X-Amz-Function-Error", "Unhandled")
	}
	if r.Header.Get("X-Amz-Log-Type") == "Tail" {
		h.Set("X-Amz-Log-Result", s.logTail(r.Context(), name, id))
	}
	if len(answer) == 0 {
		answer = []byte("null")
	}
	_, _ = w.Write(answer)
}

// logTail is the last 4 KB of an invocation's log, as Lambda shows them.
func (s *Server) logTail(ctx context.Context, function, requestID string) string {
	const most = 4096
	var tail []byte
	for line := range s.logs.Lines(ctx, logGroup(function), logs.Query{}) {
		if line.RequestID == requestID {
			tail = append(append(tail, line.Text...), '\n')
		}
	}
	return base64.StdEncoding.EncodeToString(tail[max(0, len(tail)-most):])
}

// InvokeLater invokes a function asynchronously, with Lambda's retries; the
// payload is durable when it returns.
func (s *Server) InvokeLater(ctx context.Context, function string, payload []byte) error {
	if len(payload) == 0 {
		payload = []byte("{}")
	}
	now := s.opts.Now()
	t := &delivery.Task{Seq: s.seq.Next(), ID: awsjson.NewID(), Target: delivery.Target{Arn: s.functionARN(function)},
		Stage: delivery.StageInvoke, Since: now, Due: now, Payload: payload}
	w, err := s.deliveries.Write(t)
	if err != nil {
		return err
	}
	if err := s.file.Commit(ctx, []datafile.Write{w}); err != nil {
		return err
	}
	s.deliveries.Add(t)
	return nil
}
