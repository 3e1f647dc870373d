package local

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/blockforger/eventrouter/internal/loopback"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// fromBrowser rejects requests that a web page could make with the browser of a person
// on this machine, because credentials are not checked here: requests of other origins,
// and requests of this machine for another host name. A page can let a host name of its
// own resolve to 127.0.0.1, and its requests are then of the same origin.
func fromBrowser(r *http.Request) *awsjson.Error {
	var protection http.CrossOriginProtection
	if protection.Check(r) == nil && (!loopback.Peer(r.RemoteAddr) || ownName(r.Host)) {
		return nil
	}
	return &awsjson.Error{Code: "AccessDeniedException", Status: http.StatusForbidden,
		Message: "Requests of web pages, and for other host names, are refused here."}
}

// ownName reports whether a Host header is an address or a name of this machine.
func ownName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
