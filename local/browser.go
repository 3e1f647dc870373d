package local

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/blockforger/eventrouter/internal/loopback"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// Nobody is asked for credentials here, so a web page that a person has open on
// this machine must not be able to call us with the person's browser.

// fromBrowser refuses what a page of another site sends, and what comes from
// this machine under a name that is not its own: a page can point a name of its
// own at 127.0.0.1, and then we would look like its own site.
func fromBrowser(r *http.Request) *awsjson.Error {
	var protection http.CrossOriginProtection
	if protection.Check(r) == nil && (!loopback.Peer(r.RemoteAddr) || ownName(r.Host)) {
		return nil
	}
	return &awsjson.Error{Code: "AccessDeniedException", Status: http.StatusForbidden,
		Message: "Requests of web pages, and for other host names, are refused here."}
}

// ownName tells whether a Host header can only mean this machine or an address.
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
