// Command eventrouter serves the event router on one machine and administers
// it, here and on AWS.
//
//	eventrouter serve
//	eventrouter keys create --tenant evented --permission backend_calls
//	eventrouter put-events --entries file://event.json
//
// Run it with --help for every command.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/commandline"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// commands is the command line.
type commands struct {
	Version         kong.VersionFlag `group:"common" help:"Print the version."`
	Output          string           `group:"common" enum:"text,json" default:"text" help:"How results are printed: text or json."`
	EndpointURL     string           `group:"common" name:"endpoint-url" env:"EVENTROUTER_ENDPOINT_URL,AWS_ENDPOINT_URL" default:"http://127.0.0.1:4010" help:"The server to talk to."`
	deploymentFlags `embed:""`

	Serve       serveCommand       `cmd:"" help:"Serve the event router on this machine, without AWS."`
	Demo        demoCommand        `cmd:"" help:"Send one event through a temporary server and show everything that it caused."`
	PutEvents   putEventsCommand   `cmd:"" help:"Check entries against limits and rules, send them and print their outcomes."`
	Trigger     triggerCommand     `cmd:"" help:"Generate a valid event from a schema, send it and print its outcome."`
	Keys        keysCommands       `cmd:"" help:"Create, list and revoke API keys."`
	Records     recordsCommands    `cmd:"" help:"Show records."`
	Usage       usageCommand       `cmd:"" help:"Show the usage of a tenant, in tokens."`
	Logs        logsCommand        `cmd:"" help:"Show the log of a function."`
	DeadLetters deadLetterCommands `cmd:"" help:"List events that could not be delivered, and redeliver them."`
	Entries     entryCommands      `cmd:"" help:"List, retry and drop outbox entries."`
	Tenant      tenantCommands     `cmd:"" help:"Create, check and test tenants."`
	Events      eventsCommands     `cmd:"" help:"Follow and trace events."`
	Listen      listenCommand      `cmd:"" help:"Forward events to a web server on this machine, through a temporary rule and queue."`
	Types       typesCommands      `cmd:"" help:"Generate Go types of events, and decode events with them."`
	Pattern     patternCommands    `cmd:"" help:"Test and explain event patterns."`
	Replay      replayCommand      `cmd:"" help:"Replay the events of an archive."`
	Doctor      doctorCommand      `cmd:"" help:"Check a server or, with --aws, a deployment, and print the command that corrects each problem."`
	Help        helpCommand        `cmd:"" help:"Show the help of a command."`
	Completion  completionCommand  `cmd:"" help:"Print the completion script of a shell."`
	Man         manCommand         `cmd:"" help:"Print the manual page, in the format of man."`
}

// session holds what a command needs to run.
type session struct {
	ctx   context.Context
	in    io.Reader
	print printer
	admin admin.Admin
	// endpoint is the URL of the server.
	endpoint string
	// deployment is the deployment on AWS; nil without --aws.
	deployment *awsDeployment
}

// errFindings is the error of a command that found problems and has already printed
// them. The exit code is 1.
var errFindings = errors.New("")

// run runs a command line and returns the exit code: 1 for a failure, 2 for a
// command line that cannot be parsed, or an inconclusive result.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	var cli commands
	ended := false
	parser, err := newParser(&cli, out, errOut, kong.Exit(func(int) { ended = true }), kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(errOut, "eventrouter:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if ended { // --help or --version has been printed
		return 0
	}
	if err != nil {
		fmt.Fprintf(errOut, "eventrouter: %s\n", commandline.ErrorText(err))
		if p, ok := errors.AsType[*kong.ParseError](err); ok && p.Context != nil {
			fmt.Fprintf(errOut, "try: eventrouter %s--help\n", commandPath(p.Context))
		}
		return 2
	}
	if cli.EndpointURL == "" { // an empty environment variable
		cli.EndpointURL = defaultEndpoint
	}
	if err := checkEndpoint("--endpoint-url", cli.EndpointURL); err != nil {
		fmt.Fprintln(errOut, "eventrouter:", message(err))
		return 2
	}
	s := &session{ctx: ctx, in: in, print: newPrinter(out, errOut, cli.Output == "json"),
		admin: admin.NewClient(cli.EndpointURL), endpoint: cli.EndpointURL}
	if err := cli.configure(s, parsed.Command()); err != nil {
		fmt.Fprintln(errOut, "eventrouter:", message(err))
		return 2
	}
	switch err := parsed.Run(s); {
	case err == nil:
		return 0
	case errors.Is(err, errFindings):
		return 1
	default:
		fmt.Fprintln(errOut, "eventrouter:", message(err))
		if _, unanswered := errors.AsType[inconclusive](err); unanswered {
			return 2
		}
		return 1
	}
}

func commandPath(c *kong.Context) string {
	path := ""
	for _, p := range c.Path {
		if p.Command != nil {
			path += p.Command.Name + " "
		}
	}
	return path
}

// message returns the text of an error for the terminal. Internal errors are shown
// in full: the reader operates the server.
func message(err error) string {
	if fault.IsRejection(err) {
		return fault.MessageOf(err)
	}
	return err.Error()
}
