package dynamostore

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/blockforger/eventrouter/fault"
)

// explain returns an error of the SDK with a code and the way to correct it. The
// caller of the API cannot correct any of these errors, so none is a rejection:
// the event is retried and then moved to a dead-letter queue instead of being
// acknowledged and lost.
func (t *table) explain(call string, err error) error {
	op := "dynamodb." + call
	if failed, ok := asConditionFailed(err); ok {
		return failed // the caller handles it
	}
	if missing, ok := errors.AsType[*credentialError](err); ok {
		return fault.Wrap(op, fault.Unavailable, fmt.Errorf("there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the process a role: %w", missing.err))
	}
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return fault.Wrap(op, fault.Unavailable, err)
	}
	switch api.ErrorCode() {
	case "ExpiredTokenException", "ExpiredToken", "RequestExpired":
		return fault.Wrap(op, fault.Unavailable, fmt.Errorf("the AWS credentials have expired: renew them: %w", err))
	case "AccessDeniedException", "AccessDenied":
		return fault.Wrap(op, fault.Internal, fmt.Errorf("access is denied: the role must allow dynamodb:%s on table %s and its indexes: %w", call, *t.name, err))
	case "UnrecognizedClientException", "InvalidSignatureException", "MissingAuthenticationTokenException", "MissingAuthenticationToken", "IncompleteSignatureException", "InvalidClientTokenId":
		return fault.Wrap(op, fault.Internal, fmt.Errorf("AWS rejects the credentials: check access key id, secret and clock: %w", err))
	case "ResourceNotFoundException":
		return fault.Wrap(op, fault.Internal, fmt.Errorf("table %s does not exist in this account and region, or lacks its index; create it:\n%s\n%w", *t.name, t.createCommand(), err))
	}
	return fault.Wrap(op, fault.Internal, err)
}

// A credentialError reports that no credentials are available. The SDK's own error
// can only be recognized by its text.
type credentialError struct{ err error }

func (e *credentialError) Error() string { return e.err.Error() }
func (e *credentialError) Unwrap() error { return e.err }

// credentials wraps the errors of a provider in a credentialError.
type credentials struct{ provider aws.CredentialsProvider }

func (c credentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if c.provider == nil {
		return aws.Credentials{}, &credentialError{errors.New("the client has no provider")}
	}
	got, err := c.provider.Retrieve(ctx)
	if err != nil && ctx.Err() == nil {
		err = &credentialError{err}
	}
	return got, err
}

// hasCode reports whether AWS returned an error of this code.
func hasCode(err error, code string) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == code
}
