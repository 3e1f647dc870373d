package s3blob

import (
	"errors"
	"fmt"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
)

// fault returns an error of the SDK with a code, and with a message that says how
// to correct it. An error of the bucket must not be reported as a missing object.
func (b *Bucket) fault(op, key string, err error, ifMatch bool) error {
	var code string
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		code = api.ErrorCode()
	}
	var status int
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = response.HTTPStatusCode()
	}
	switch {
	case status == http.StatusNotModified:
		return blob.ErrNotModified
	case code == "NoSuchBucket":
		return b.coded(fault.Unavailable, op, err, "S3 bucket %q does not exist", b.name)
	case code == "PermanentRedirect", code == "AuthorizationHeaderMalformed", code == "IllegalLocationConstraintException":
		return b.coded(fault.Unavailable, op, err, "S3 bucket %q is in another region than its client", b.name)
	case code == "ExpiredToken", code == "ExpiredTokenException", code == "InvalidToken", code == "InvalidAccessKeyId", code == "SignatureDoesNotMatch":
		return b.coded(fault.Denied, op, err, "the credentials are not valid for S3 bucket %q (%s)", b.name, code)
	case status == http.StatusForbidden, code == "AccessDenied", code == "AllAccessDisabled":
		// S3 returns this for a missing object too, without permission to list the bucket.
		return b.coded(fault.Denied, op, err, "access to object %q in S3 bucket %q is denied: the role needs s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket", b.prefix+key, b.name)
	case code == "EntityTooLarge":
		return b.coded(fault.TooLarge, op, err, "object %q is larger than S3 takes", b.prefix+key)
	case status == http.StatusPreconditionFailed, status == http.StatusConflict, status == http.StatusNotFound && ifMatch:
		return b.coded(fault.Precondition, op, err, "object %q has changed", key)
	case status == http.StatusNotFound:
		return b.coded(fault.NotFound, op, err, "object %q does not exist", key)
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return b.coded(fault.Unavailable, op, err, "S3 bucket %q is throttled", b.name)
	}
	return b.coded(fault.Unavailable, op, err, "S3 bucket %q could not be used", b.name)
}

func (b *Bucket) coded(code fault.Code, op string, err error, format string, args ...any) error {
	return &fault.Error{Code: code, Op: "s3blob." + op, Message: fmt.Sprintf(format, args...), Err: err}
}
