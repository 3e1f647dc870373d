// Command eventtest is the main of the test function (package noop).
package main

import (
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/lambda/noop"
)

func main() { lambda.StartHandler(noop.Handler{Log: os.Stdout}) }
