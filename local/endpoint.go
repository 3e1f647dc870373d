package local

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/cbor"
	"github.com/blockforger/eventrouter/local/awsapi/query"
	"github.com/blockforger/eventrouter/local/awsapi/restjson"
	"github.com/blockforger/eventrouter/local/sts"
)

// endpoint passes a request to the AWS service that it is for. All services have one
// address, as --endpoint-url requires.
type endpoint struct {
	services map[string]http.Handler // by the prefix of X-Amz-Target
	paths    *http.ServeMux          // the services whose operations are paths
	account  string
	log      *slog.Logger

	bodyTimeout time.Duration
}

// queuePrefix is that of SQS, whose clients can post to a queue's own URL.
const queuePrefix = "AmazonSQS"

func (e endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refused := fromBrowser(r); refused != nil {
		e.log.Warn("a request that looks like a web page's was refused", "host", awsjson.Clip(r.Host), "origin", awsjson.Clip(r.Header.Get("Origin")))
		awsjson.WriteError(w, "application/x-amz-json-1.1", refused)
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.bodyTimeout))
	target := r.Header.Get("X-Amz-Target")
	prefix, _, _ := strings.Cut(target, ".")
	if service, ok := e.services[prefix]; ok && r.Method == http.MethodPost && (r.URL.Path == "/" || prefix == queuePrefix) {
		service.ServeHTTP(w, r)
		return
	}
	if _, pattern := e.paths.Handler(r); pattern != "" && target == "" {
		e.paths.ServeHTTP(w, r)
		return
	}
	if target != "" {
		e.notServed(w, r, target)
		return
	}
	form, isQuery, err := query.Form(w, r)
	switch {
	case err != nil:
		query.WriteError(w, err)
	case !isQuery:
		e.notServed(w, r, "")
	case awsjson.ScopeOf(r).Service != "" && awsjson.ScopeOf(r).Service != "sts" || !sts.Serve(w, r, form, e.account):
		e.notServed(w, r, form.Get("Action"))
	}
}

// notServed returns the error for an operation or a service that is not served, in the
// protocol of the request: JSON, query, CBOR, XML or REST-JSON. operation is empty if a
// path names it.
func (e endpoint) notServed(w http.ResponseWriter, r *http.Request, operation string) {
	service := awsjson.ScopeOf(r).Service
	e.log.Warn("this AWS call is not served here", "method", r.Method, "path", awsjson.Clip(r.URL.Path), "service", awsjson.Clip(service), "operation", awsjson.Clip(operation))
	what := r.Method + " " + awsjson.Clip(r.URL.Path)
	if operation != "" {
		what = awsjson.Clip(operation)
	}
	if service != "" {
		what += " of the service " + awsjson.Clip(service)
	}
	refused := awsjson.Errorf("UnknownOperationException", "The operation %s is not served here; doc/local.md lists those that are.", what)
	switch contentType := r.Header.Get("Content-Type"); {
	case strings.HasPrefix(contentType, "application/x-amz-json-"):
		contentType, _, _ = strings.Cut(contentType, ";")
		awsjson.WriteError(w, contentType, refused)
	case r.Header.Get("Smithy-Protocol") == "rpc-v2-cbor" || strings.HasPrefix(contentType, "application/cbor"):
		cbor.WriteError(w, refused)
	case strings.HasPrefix(contentType, query.ContentType) || r.URL.Path == "/" && operation != "":
		refused.Code = "InvalidAction"
		query.WriteError(w, refused)
	case xmlServices[service]:
		refused.Code, refused.Status = "NotImplemented", http.StatusNotImplemented
		query.WriteRESTError(w, refused)
	default:
		refused.Status = http.StatusNotFound
		restjson.WriteError(w, refused)
	}
}

// xmlServices are the services of AWS with the REST-XML protocol.
var xmlServices = map[string]bool{"s3": true, "s3express": true, "route53": true, "cloudfront": true}
