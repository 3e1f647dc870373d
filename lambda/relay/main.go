// Command relay is the main of the relay's function on AWS Lambda. A schedule
// invokes it every minute; it publishes the outbox entries that invocations of
// the router left pending. Its environment variables configure it: see package
// names.
package main

import (
	"context"
	"fmt"
	"os"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/names"
)

// A handler ends each run before Lambda's time-out, so that the leases are free
// when the next run starts, a minute after this one.
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
	config.LogTo(os.Stdout)
	awslambda.Start(handler{app.New(config).Handler(os.Stdout)})
}
