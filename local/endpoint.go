package local

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// endpoint hands a request to the AWS service that it is for. One address
// serves them all, as --endpoint-url wants it.
type endpoint struct {
	services map[string]http.Handler // by the prefix of X-Amz-Target
	paths    *http.ServeMux          // the services that go by path
	log      *slog.Logger

	bodyTimeout time.Duration
}

// queuePrefix is SQS's, whose clients may post to a queue's own URL.
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
	e.log.Warn("this AWS call is not served here", "method", r.Method, "path", awsjson.Clip(r.URL.Path), "target", awsjson.Clip(target))
	awsjson.WriteError(w, "application/x-amz-json-1.1",
		awsjson.Errorf("UnknownOperationException", "This call is not served here."))
}
