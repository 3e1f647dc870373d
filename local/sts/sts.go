// Package sts implements the operation of AWS's Security Token Service that scripts call
// before others: GetCallerIdentity.
package sts

import (
	"encoding/xml"
	"net/http"
	"net/url"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/awsapi/query"
)

type GetCallerIdentityInput struct{}

// GetCallerIdentityOutput is the identity of a caller: the root user of its account.
type GetCallerIdentityOutput struct {
	UserId  string `json:"UserId"`
	Account string `json:"Account"`
	Arn     string `json:"Arn"`
}

const namespace = "https://sts.amazonaws.com/doc/2011-06-15/"

type getCallerIdentityResponse struct {
	XMLName          xml.Name                `xml:"GetCallerIdentityResponse"`
	Namespace        string                  `xml:"xmlns,attr"`
	Result           GetCallerIdentityOutput `xml:"GetCallerIdentityResult"`
	ResponseMetadata struct {
		RequestID string `xml:"RequestId"`
	}
}

// GetCallerIdentity is the name of the operation.
const GetCallerIdentity = "GetCallerIdentity"

// Serve serves GetCallerIdentity in the query protocol. It returns false, and writes
// nothing, if form is a call of another operation. Account is the server's; the caller's
// is its access key if that looks like an account id.
func Serve(w http.ResponseWriter, r *http.Request, form url.Values, account string) bool {
	if form.Get("Action") != GetCallerIdentity {
		return false
	}
	account = awsjson.ScopeOf(r).Account(account)
	out := getCallerIdentityResponse{Namespace: namespace,
		Result: GetCallerIdentityOutput{UserId: account, Account: account, Arn: "arn:aws:iam::" + account + ":root"}}
	out.ResponseMetadata.RequestID = awsjson.NewID()
	query.Write(w, http.StatusOK, out.ResponseMetadata.RequestID, out)
	return true
}
