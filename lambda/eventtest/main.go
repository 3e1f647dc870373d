// Command eventtest is the main of the test function (package noop).
package main

import (
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/lambda/noop"
)

func main() { awslambda.Start(noop.Handler{Log: os.Stdout}) }
