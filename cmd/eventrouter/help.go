package main

import (
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/blockforger/eventrouter/internal/commandline"
)

// newParser returns the parser of the command line. The table of commands is the
// struct [commands].
func newParser(cli *commands, out, errOut io.Writer, o ...kong.Option) (*kong.Kong, error) {
	return commandline.NewParser(cli, &commandline.Program{
		Name: "eventrouter", Description: "Turns each event of many tenants into exactly one effect.", Examples: examples,
	}, out, errOut, o...)
}

type helpCommand struct {
	Command []string `arg:"" optional:"" help:"The command to describe. Default: the program itself."`
}

// Run prints the help of a command.
func (c *helpCommand) Run(s *session) error {
	if code := run(s.ctx, append(slices.Clone(c.Command), "--help"), s.in, s.print.out, s.print.err); code != 0 {
		return inconclusive{errFindings}
	}
	return nil
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"The shell: bash, zsh or fish."`
}

// Help implements kong's hook.
func (completionCommand) Help() string {
	return "The script is loaded by `source <(eventrouter completion bash)` in ~/.bashrc, by `source <(eventrouter completion zsh)` " +
		"in ~/.zshrc after compinit, or from ~/.config/fish/completions/eventrouter.fish."
}

// Run prints the script.
func (c *completionCommand) Run(s *session, k *kong.Context) error {
	s.print.line("%s", strings.TrimSuffix(commandline.Completion(c.Shell, k.Model), "\n"))
	return nil
}

type manCommand struct{}

// Run prints the manual page of all commands.
func (manCommand) Run(s *session, k *kong.Context) error {
	s.print.line("%s", strings.TrimSuffix(commandline.Manual(k.Model, examples), "\n"))
	return nil
}

// examples are the examples of each command, by its path. A group of commands without
// an entry shows the first example of each of its commands.
var examples = map[string][]string{
	"": {
		"eventrouter tenant init acme --schema products --input yes",
		"eventrouter serve",
		"eventrouter keys create --tenant acme",
		"eventrouter put-events --entries file://event.json",
		"eventrouter help tenant lint",
	},
	"serve": {
		"eventrouter serve",
		"eventrouter serve --listen 127.0.0.1:0 --data /tmp/data --schemas schemas",
		"eventrouter serve --chaos duplicates=1%,delay=50ms,fail=0.5%",
	},
	"demo": {"eventrouter demo --schemas schemas"},
	"put-events": {
		"eventrouter put-events --entries file://event.json",
		"eventrouter put-events --entries - --dry-run < event.json",
	},
	"trigger": {
		"eventrouter trigger acme/products.POST",
		"eventrouter trigger acme/products.POST --set price=9 --set name=Lamp --save schemas/acme/tests/lamp.json",
		"eventrouter trigger acme/products --count 100 --rate 20",
	},
	"keys create": {
		"eventrouter keys create --tenant acme",
		"eventrouter keys create --tenant acme --permission read_only --expires-in 30d",
		"EVENTROUTER_KEY=$(eventrouter keys create --tenant acme --quiet)",
	},
	"keys list":   {"eventrouter keys list --tenant acme"},
	"keys rotate": {"eventrouter keys rotate mzrsudxcefe2kyrt --overlap 24h"},
	"keys revoke": {"eventrouter keys revoke mzrsudxcefe2kyrt"},
	"keys export": {"eventrouter keys export --tenant acme > keys.json"},
	"keys import": {"eventrouter keys import keys.json --aws --environment prod"},
	"records get": {"eventrouter records get --tenant acme --schema products 7"},
	"records list": {
		"eventrouter records list --tenant acme --schema products",
		"eventrouter records list --tenant acme --schema products --after 7 --limit 100 --output json",
	},
	"usage": {
		"eventrouter usage --tenant acme",
		"eventrouter usage --tenant acme --month 2026-11 --csv",
	},
	"logs": {
		"eventrouter logs eventrouter-local --follow",
		"eventrouter logs eventrouter-local --tenant acme --status 4xx",
		"eventrouter logs eventrouter-prod --aws --environment prod",
	},
	"dead-letters list":  {"eventrouter dead-letters list"},
	"dead-letters retry": {"eventrouter dead-letters retry"},
	"entries list": {
		"eventrouter entries list --tenant acme --state failed",
		"eventrouter entries list --since 1h",
	},
	"entries retry":     {"eventrouter entries retry --state failed --since 2026-11-21T03:00:00Z"},
	"entries drop":      {"eventrouter entries drop --id 5d1f1b9e-0d0c-4c5e-9a39-6f0f4a1f6f11"},
	"tenant init":       {"eventrouter tenant init acme", "eventrouter tenant init acme --schema products --input yes"},
	"tenant add-schema": {"eventrouter tenant add-schema schemas/acme products --from samples.json --key sku --closed"},
	"tenant lint": {
		"eventrouter tenant lint schemas",
		"eventrouter tenant lint schemas --strict --format github",
	},
	"tenant test":    {"eventrouter tenant test schemas/acme"},
	"tenant push":    {"eventrouter tenant push schemas --bucket eventrouter-prod-111122223333-us-east-1 --dry-run"},
	"tenant migrate": {"eventrouter tenant migrate --tenant acme --schema products --backend s3 --key sku --dry-run"},
	"tenant export":  {"eventrouter tenant export --tenant acme --out acme.jsonl"},
	"tenant purge":   {"eventrouter tenant purge --tenant acme --revoke-keys"},
	"events tail":    {"eventrouter events tail --follow", `eventrouter events tail --bus default --pattern '{"source":["blockforger-output"]}'`},
	"events trace":   {"eventrouter events trace 0b1f2d4e-6a57-4b1c-8d6e-0f4b5f3f9a10 --explain"},
	"types export":   {"eventrouter types export codebuild --dry-run"},
	"types from-example": {
		"eventrouter types from-example order-placed.json --out events/shop",
	},
	"types publish": {"eventrouter types publish --tenant acme --registry acme-events --dry-run"},
	"types decode":  {"eventrouter types decode dead-letters.json"},
	"listen": {
		"eventrouter listen --forward http://127.0.0.1:3000/events",
		`eventrouter listen --aws --forward http://127.0.0.1:3000/events --pattern '{"detail-type":[{"prefix":"petstore."}]}'`,
	},
	"pattern test": {`eventrouter pattern test --pattern '{"source":["aws.s3"]}' --event file://event.json`},
	"pattern explain": {
		`eventrouter pattern explain --pattern file://pattern.json --event file://event.json`,
	},
	"replay":     {"eventrouter replay --archive orders --since 2026-11-21T03:00:00Z --until 2026-11-21T04:00:00Z"},
	"doctor":     {"eventrouter doctor", "eventrouter doctor --aws --environment prod"},
	"help":       {"eventrouter help keys create"},
	"completion": {"source <(eventrouter completion bash)", "eventrouter completion fish > ~/.config/fish/completions/eventrouter.fish"},
	"man":        {"eventrouter man > eventrouter.1"},
}
