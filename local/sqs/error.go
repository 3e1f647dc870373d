package sqs

import (
	"regexp"
	"strings"

	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// Formerly SQS used the query protocol. Its clients still act on the error codes of
// that protocol, which are returned in a header besides the current ones.

func queryError(code, query, format string, args ...any) *awsjson.Error {
	e := awsjson.Errorf(code, format, args...)
	e.Query = query
	return e
}

func errNoQueue() *awsjson.Error {
	return queryError("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func invalidParameter(format string, args ...any) *awsjson.Error {
	return queryError("InvalidParameterValueException", "InvalidParameterValue", format, args...)
}

func missingParameter(name string) *awsjson.Error {
	return queryError("MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter %s.", name)
}

func errHandle() *awsjson.Error {
	return queryError("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}

// missingMember finds the first required member that an input lacks.
var missingMember = regexp.MustCompile(`Value null at '([^']+)' failed to satisfy constraint: Member must not be null`)

// missingRequired returns SQS's error for an input without a required member. SQS's model has
// no other constraints.
func missingRequired(e *awsjson.Error) error {
	found := missingMember.FindStringSubmatch(e.Message)
	if found == nil {
		return invalidParameter("%s", e.Message)
	}
	path := strings.Split(found[1], ".")
	name := path[len(path)-1]
	return missingParameter(strings.ToUpper(name[:1]) + name[1:])
}
