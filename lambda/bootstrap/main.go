// Command bootstrap is the main of the event router's function on AWS Lambda.
// Its environment variables configure it: see package names.
package main

import (
	"fmt"
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/internal/app"
)

func main() {
	config, err := app.FromEnvironment(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "eventrouter:", err)
		os.Exit(1)
	}
	config.LogTo(os.Stdout)
	awslambda.Start(app.New(config).Handler(os.Stdout))
}
