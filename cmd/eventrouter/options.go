package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda/eventlog"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	localfunctions "github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/template"
)

// awsFlags say how AWS's side behaves that `serve` hosts.
type awsFlags struct {
	Chaos              chaosFlag `placeholder:"duplicates=1%,delay=50ms,fail=0.5%" help:"Make deliveries go wrong on purpose: the shares of those made twice and of attempts that fail, and up to how long each waits."`
	HTTPTargets        []string  `name:"http-targets" placeholder:"HOST:PORT,..." help:"The hosts that API destinations may call. Default: none."`
	EnforcePermissions bool      `help:"Let a rule invoke a function only where the function's policy allows it, as AWS does."`
	Template           string    `type:"path" placeholder:"FILE" help:"A synthesized CloudFormation template, such as cdk.out/EventRouter-dev.template.json: its buses, queues, rules, permissions and archives are made here in place of our own rules."`
	MaxDataBytes       byteSize  `placeholder:"512MiB" help:"How large the file of events, queues and logs may become; beyond, events are refused as on a full disk."`
}

// Validate implements kong's hook.
func (f *awsFlags) Validate() error {
	for _, host := range f.HTTPTargets {
		if _, port, err := net.SplitHostPort(host); err != nil || port == "" {
			return fmt.Errorf("--http-targets: %q is not a host and its port, such as 127.0.0.1:8080", host)
		}
	}
	return nil
}

// An serverOptions is how AWS's side is to be.
type serverOptions struct {
	local.Options
	template string // a file; empty: our own rules

	newLedger bool // a new ledger may be made beside existing objects
}

func (f *awsFlags) options(log *slog.Logger) *serverOptions {
	return &serverOptions{template: f.Template, Options: local.Options{
		Account: names.LocalAccount, Region: names.LocalRegion, Log: log, Timeout: names.Timeout,
		Chaos: delivery.Chaos(f.Chaos), HTTPTargets: f.HTTPTargets, EnforcePermissions: f.EnforcePermissions, MaxDataBytes: int(f.MaxDataBytes),
	}}
}

// install makes the rules by which events come to the functions.
func (a *serverOptions) install(l *local.Server, router localfunctions.Handler, url string) error {
	if a.template == "" {
		return installRules(l)
	}
	err := a.importTemplate(l, router, url)
	if fault.Is(err, fault.Invalid) {
		err = fault.Errorf(fault.Invalid, "--template %s: %s", a.template, fault.MessageOf(err))
	}
	return err
}

// chaosFlag reads what is to go wrong: name=value, separated by commas.
type chaosFlag delivery.Chaos

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *chaosFlag) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		name, value, _ := strings.Cut(part, "=")
		var err error
		switch name {
		case "duplicates":
			c.Duplicates, err = share(value)
		case "fail":
			c.Fail, err = share(value)
		case "delay":
			if c.Delay, err = time.ParseDuration(value); err == nil && c.Delay < 0 {
				err = errors.New("negative")
			}
		default:
			return fmt.Errorf("unknown chaos %q; known are duplicates, delay and fail", name)
		}
		if err != nil {
			return fmt.Errorf("%s=%s: want a share such as 1%% or 0.01, or for delay a time such as 50ms", name, value)
		}
	}
	return nil
}

func (c chaosFlag) String() string {
	return fmt.Sprintf("duplicates=%g%%, delay=%v, fail=%g%%", 100*c.Duplicates, c.Delay, 100*c.Fail)
}

// share reads 1% or 0.01.
func share(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err == nil && !(v >= 0 && v <= 1) { // nor NaN
		err = errors.New("out of range")
	}
	return v, err
}

// byteSize is a number of bytes, with or without a unit.
type byteSize int

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *byteSize) UnmarshalText(text []byte) error {
	number, shift := string(text), 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if cut, found := strings.CutSuffix(number, unit); found {
			number, shift = cut, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a size such as 1048576, 512MiB or 2GiB", text)
	}
	*b = byteSize(n << shift)
	return nil
}

// installRules makes what the stack makes on AWS: the two rules of R71 and R72,
// and the permission of each to invoke its function.
func installRules(l *local.Server) error {
	env, ctx := names.Environment(names.Local), context.Background()
	for _, r := range []struct{ name, pattern, function string }{
		{env.Name(names.InputRule), names.InputPattern, function},
		{env.Name(names.TestRule), names.TestPattern, testFunction},
	} {
		rule, err := l.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: r.name, EventPattern: r.pattern})
		if err != nil {
			return err
		}
		if _, err := l.Functions.AddPermission(ctx, &localfunctions.AddPermissionInput{FunctionName: r.function, StatementId: r.name,
			Action: "lambda:InvokeFunction", Principal: "events.amazonaws.com", SourceArn: rule.RuleArn}); err != nil && !exists(err) {
			return err
		}
		arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", names.LocalRegion, names.LocalAccount, r.function)
		out, err := l.EventBridge.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: r.name, Targets: []delivery.Target{{Id: "function", Arn: arn}}})
		if err != nil {
			return err
		}
		if out.FailedEntryCount > 0 {
			return fault.Errorf(fault.Internal, "rule %s: %s", r.name, out.FailedEntries[0].ErrorMessage)
		}
	}
	return nil
}

// exists tells that a former run has made it.
func exists(err error) bool { return awsjson.AsError(err).Code == "ResourceConflictException" }

// importTemplate makes what the template describes. Its functions are ours by
// another name: the test function, and the router.
func (a *serverOptions) importTemplate(l *local.Server, router localfunctions.Handler, url string) error {
	text, err := os.ReadFile(a.template)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%v", err)
	}
	stack, err := template.Parse(text, template.Place{Account: names.LocalAccount, Region: names.LocalRegion, QueueURL: url})
	if err != nil {
		return err
	}
	names, err := stack.Names("AWS::Lambda::Function")
	if err != nil {
		return err
	}
	for _, name := range names {
		switch {
		case strings.HasPrefix(name, "eventbridge-test-"):
			l.Functions.Register(name, eventlog.Serve)
		case strings.HasPrefix(name, "eventrouter-"):
			l.Functions.Register(name, router)
		default:
			a.Log.Warn("a function of the template is not ours: what is for it becomes a dead letter", "function", name)
		}
	}
	leftOut, err := l.Import(context.Background(), stack)
	if err == nil {
		a.Log.Info("the template's buses, queues, rules, permissions and archives are here", "left out", strings.Join(leftOut, " "))
	}
	return err
}
