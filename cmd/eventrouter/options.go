package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/lambda/eventlog"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/local/awsapi/awsjson"
	"github.com/blockforger/eventrouter/local/delivery"
	"github.com/blockforger/eventrouter/local/eventbridge"
	localfunctions "github.com/blockforger/eventrouter/local/functions"
	"github.com/blockforger/eventrouter/local/program"
	"github.com/blockforger/eventrouter/local/template"
)

// awsFlags configure the local AWS services of `serve`.
type awsFlags struct {
	Chaos               chaosFlag     `placeholder:"duplicates=1%,delay=50ms,fail=0.5%" help:"Inject faults into deliveries: the share that is duplicated, the share of attempts that fail, and the maximum delay."`
	HTTPTargets         []string      `name:"http-targets" placeholder:"HOST:PORT" help:"The hosts that API destinations may call, separated by commas. Default: none."`
	Function            []ownFunction `sep:"none" placeholder:"NAME=PROGRAM" help:"A function of yours: a program that implements the Lambda Runtime API, such as ProcessOrder=./bootstrap, or a web server on this machine, such as ProcessOrder=http://127.0.0.1:9000/events. Repeatable."`
	AllowCreateFunction bool          `help:"Allow programs on this machine to create functions with aws lambda create-function. Their code runs with your rights."`
	EnforcePermissions  bool          `help:"Allow a rule to invoke a function only if the function's policy permits it, as AWS does."`
	Template            string        `type:"path" placeholder:"FILE" help:"A synthesized CloudFormation template, such as cdk.out/EventRouter-dev.template.json: its buses, queues, rules, permissions and archives are created instead of the default rules."`
	Account             string        `env:"EVENTROUTER_ACCOUNT" placeholder:"ID" help:"The account of the server's ARNs, fixed at the first start of a data folder. Default: the one that all rules of the tenants name, or 000000000000."`
	Region              string        `env:"EVENTROUTER_REGION" placeholder:"REGION" help:"The region, in the same way. Default: us-east-1."`
	MaxDataBytes        byteSize      `placeholder:"512MiB" help:"The maximum size of the files of events, queues and logs; beyond it, events are rejected as on a full disk."`
}

// Validate implements kong's hook.
func (f *awsFlags) Validate() error {
	for _, host := range f.HTTPTargets {
		if _, port, err := net.SplitHostPort(host); err != nil || port == "" {
			return fmt.Errorf("--http-targets: %q must have the form HOST:PORT, for example 127.0.0.1:8080", host)
		}
	}
	return place{f.Account, f.Region}.check()
}

// serverOptions configures a server.
type serverOptions struct {
	local.Options
	template string // a file; empty: the default rules

	// print prints what happens to the tenants' files; nil: to the log.
	print func(line string)

	functions []ownFunction
	newLedger bool // a new ledger may be created beside existing objects
}

func (f *awsFlags) options(log *slog.Logger) *serverOptions {
	return &serverOptions{template: f.Template, functions: f.Function, Options: local.Options{
		AllowCreateFunction: f.AllowCreateFunction,
		Account:             f.Account, Region: f.Region, Log: log, Timeout: names.Timeout,
		Chaos: delivery.Chaos(f.Chaos), HTTPTargets: f.HTTPTargets, EnforcePermissions: f.EnforcePermissions, MaxDataBytes: int(f.MaxDataBytes),
	}}
}

// install creates the rules that deliver events to the functions.
func (a *serverOptions) install(l *local.Server, router localfunctions.Handler, url string, sources []string) error {
	if a.template == "" {
		return installRules(l, a.place(), sources)
	}
	err := a.importTemplate(l, router, url)
	if fault.Is(err, fault.Invalid) {
		err = fault.Errorf(fault.Invalid, "--template %s: %s", a.template, fault.MessageOf(err))
	}
	return err
}

// chaosFlag is the configuration of fault injection: name=value, separated by commas.
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

// share parses 1% or 0.01.
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

func (a *serverOptions) place() place { return place{a.Account, a.Region} }

// installRules creates what the stack creates on AWS: the two rules of R71 and R72,
// and the permission of each to invoke its function. The test function gets the events
// of the given sources.
func installRules(l *local.Server, p place, sources []string) error {
	env, ctx := names.Environment(names.Local), context.Background()
	for _, r := range []struct{ name, pattern, function string }{
		{env.Name(names.InputRule), names.InputPattern, function},
		{env.Name(names.TestRule), testPattern(sources), testFunction},
	} {
		rule, err := l.EventBridge.PutRule(ctx, &eventbridge.PutRuleInput{Name: r.name, EventPattern: r.pattern})
		if err != nil {
			return err
		}
		if _, err := l.Functions.AddPermission(ctx, &localfunctions.AddPermissionInput{FunctionName: r.function, StatementId: r.name,
			Action: "lambda:InvokeFunction", Principal: "events.amazonaws.com", SourceArn: rule.RuleArn}); err != nil && !exists(err) {
			return err
		}
		arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", p.Region, p.Account, r.function)
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

// testPattern returns the pattern of the rule of the test function.
func testPattern(sources []string) string {
	list, _ := json.Marshal(sources) // strings can be marshaled
	return `{"source":` + string(list) + `}`
}

// exists reports whether an earlier run has created the permission.
func exists(err error) bool { return awsjson.AsError(err).Code == "ResourceConflictException" }

// importTemplate creates the resources of the template. Its functions are mapped by
// name to the router and the test function.
func (a *serverOptions) importTemplate(l *local.Server, router localfunctions.Handler, url string) error {
	text, err := os.ReadFile(a.template)
	if err != nil {
		return fileError("", err)
	}
	stack, err := template.Parse(text, template.Place{Account: a.Account, Region: a.Region, QueueURL: url})
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
			a.Log.Warn("unknown function in the template: its events become dead letters", "function", name)
		}
	}
	leftOut, err := l.Import(context.Background(), stack)
	if err == nil {
		a.Log.Info("created the template's buses, queues, rules, permissions and archives", "left out", strings.Join(leftOut, " "))
	}
	return err
}

// ownFunction is a function of the user's: NAME=PROGRAM or NAME=URL.
type ownFunction struct{ name, target string }

// functionName is what Lambda accepts as the name of a function.
var functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *ownFunction) UnmarshalText(text []byte) error {
	var ok bool
	if f.name, f.target, ok = strings.Cut(string(text), "="); !ok || f.target == "" {
		return fmt.Errorf("%q must have the form NAME=PROGRAM or NAME=URL, for example ProcessOrder=./bootstrap or ProcessOrder=http://127.0.0.1:9000/events", text)
	}
	switch {
	case !functionName.MatchString(f.name):
		return fmt.Errorf("the function name %q must have 1 to 64 letters, digits, - or _", f.name)
	case f.name == function || f.name == testFunction:
		return fmt.Errorf("the function name %s is that of a function of the router", f.name)
	}
	return nil
}

// isURL reports whether the function is a web server.
func (f *ownFunction) isURL() bool { return strings.Contains(f.target, "://") }

// registerFunctions registers the user's functions. The result stops their programs.
func registerFunctions(l *local.Server, functions []ownFunction, o *local.Options, url string) (stop func(), err error) {
	var programs []*program.Program
	stop = func() {
		for _, p := range programs {
			p.Close()
		}
	}
	seen := map[string]bool{}
	for _, f := range functions {
		if seen[f.name] {
			stop()
			return nil, fault.Errorf(fault.Invalid, "--function: there are two functions %s", f.name)
		}
		seen[f.name] = true
		arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", o.Region, o.Account, f.name)
		if f.isURL() {
			web, err := program.NewWeb(f.name, f.target, arn)
			if err != nil {
				stop()
				return nil, fault.Errorf(fault.Invalid, "--function: %s", fault.MessageOf(err))
			}
			l.Functions.Register(f.name, web.Invoke)
			continue
		}
		p, err := program.New(program.Options{Name: f.name, Path: f.target, ARN: arn, Region: o.Region, Endpoint: url,
			LogGroup: "/aws/lambda/" + f.name, Concurrency: o.Concurrency, Log: o.Log})
		if err != nil {
			stop()
			return nil, fault.Errorf(fault.Invalid, "--function: %s", fault.MessageOf(err))
		}
		programs = append(programs, p)
		l.Functions.Register(f.name, p.Invoke)
	}
	return stop, nil
}
