package sqs

import (
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
)

// SQS once spoke the query protocol. Its clients still act on the codes that it
// had there, which come in a header beside those of today.

func refuse(code, query, format string, args ...any) *awsjson.Error {
	e := awsjson.Errorf(code, format, args...)
	e.Query = query
	return e
}

func errNoQueue() *awsjson.Error {
	return refuse("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

func invalidParameter(format string, args ...any) *awsjson.Error {
	return refuse("InvalidParameterValueException", "InvalidParameterValue", format, args...)
}

func missingParameter(name string) *awsjson.Error {
	return refuse("MissingRequiredParameterException", "MissingParameter", "The request must contain the parameter %s.", name)
}

func errHandle() *awsjson.Error {
	return refuse("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
}
