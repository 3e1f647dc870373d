// Command bootstrap is the main of the test function (package eventlog).
package main

import (
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/lambda/eventlog"
)

func main() { awslambda.Start(eventlog.Handler{Log: os.Stdout}) }
