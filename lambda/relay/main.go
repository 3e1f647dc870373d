// Command relay is the main of the relay's function on AWS Lambda. A schedule
// invokes it every minute; it publishes what invocations of the router left
// behind. It is wired by its environment variables: see package names.
package main

import (
	"context"
	"fmt"
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/names"
)

// handler ends a run before Lambda would, so that the next one, a minute after
// this one began, finds the leases free.
type handler struct{ awslambda.Handler }

func (h handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, names.RelayRun)
	defer cancel()
	return h.Handler.Invoke(ctx, payload)
}

func main() {
	config, err := app.FromEnvironment(os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, "eventrouter relay:", err)
		os.Exit(1)
	}
	awslambda.Start(handler{app.New(config).Handler(os.Stdout)})
}
