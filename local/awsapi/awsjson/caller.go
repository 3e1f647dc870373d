package awsjson

import (
	"net/http"
	"strings"
)

// A Scope is the credential scope of a signed request: the access key, and the region
// and service for which the request was signed. Signatures are not checked.
type Scope struct{ AccessKey, Region, Service string }

// ScopeOf returns the credential scope of a request; it is zero if the request is not
// signed.
func ScopeOf(r *http.Request) Scope {
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, _, _ = strings.Cut(credential, ",")
	if credential == "" {
		credential = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(strings.TrimSpace(credential), "/") // key, date, region, service, aws4_request
	if len(parts) != 5 {
		return Scope{}
	}
	return Scope{AccessKey: parts[0], Region: parts[2], Service: parts[3]}
}

// Account returns the caller's account: the access key if it looks like an account id,
// otherwise own.
func (s Scope) Account(own string) string {
	if len(s.AccessKey) == 12 && strings.Trim(s.AccessKey, "0123456789") == "" {
		return s.AccessKey
	}
	return own
}
