package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type doctorCommand struct {
	Schemas string `help:"Without --aws: the folder of the tenants' files. Default: the folder that the server serves."`
	Send    bool   `help:"With --aws: also send an event of the tenant doctor through the deployment, and force one dead letter. Takes up to 15 minutes."`
	Alarm   bool   `help:"With --send: also set one alarm, and check that its action is executed."`
}

// check is one check of the doctor command.
type check struct {
	what    string
	run     func(ctx context.Context) checkResult
	timeout time.Duration // 0: checkTimeout
	needs   string        // the check without which this one would report the same cause again
}

const checkTimeout = 15 * time.Second

// checkResult is a check's result. The check has passed if Wrong and NotChecked are
// empty. Do is the command that corrects the problem.
type checkResult struct {
	Check      string `json:"check"`
	Found      string `json:"found,omitempty"`
	Wrong      string `json:"wrong,omitempty"`
	Do         string `json:"do,omitempty"`
	NotChecked string `json:"notChecked,omitempty"` // why the check was not run
}

// Run runs all checks, also after one has failed, and prints their results.
func (c *doctorCommand) Run(s *session) error {
	switch {
	case c.Send && s.deployment == nil:
		return fault.Errorf(fault.Invalid, "--send works only with --aws")
	case c.Alarm && !c.Send:
		return fault.Errorf(fault.Invalid, "--alarm works only with --send")
	}
	checks := c.local(s)
	if s.deployment != nil {
		x := s.deployment.newChecks()
		checks = x.checks()
		if c.Send {
			checks = append(checks, x.sendChecks(c.Alarm)...)
		}
	}
	sick := false
	findings := make([]checkResult, len(checks))
	failed := map[string]bool{}
	for i, check := range checks {
		if failed[check.needs] {
			failed[check.what] = true
			findings[i] = notChecked("see %s", check.needs)
			findings[i].Check = check.what
			if !s.print.json {
				s.printCheck(findings[i])
			}
			continue
		}
		ctx, cancel := context.WithTimeout(s.ctx, cmp.Or(check.timeout, checkTimeout))
		findings[i] = check.run(ctx)
		cancel()
		findings[i].Check = check.what
		sick = sick || findings[i].Wrong != ""
		failed[check.what] = findings[i].Wrong != ""
		if !s.print.json {
			s.printCheck(findings[i])
		}
	}
	if _, err := s.print.printJSON(struct {
		Findings []checkResult `json:"findings"`
	}{findings}); err != nil {
		return err
	}
	if sick {
		return errFindings
	}
	return nil
}

func (s *session) printCheck(f checkResult) {
	if f.NotChecked != "" {
		s.print.line("%s  %-14s not checked here: %s", s.print.faint("-    "), f.Check, f.NotChecked)
		return
	}
	if f.Wrong == "" {
		s.print.line("%s  %-14s %s", s.print.green("ok   "), f.Check, f.Found)
		return
	}
	s.print.line("%s  %-14s %s", s.print.bold("wrong"), f.Check, f.Wrong)
	if f.Do != "" {
		s.print.line("       %-14s %s", "", f.Do)
	}
}

// passed is the result of a check that has found no problem.
func passed(format string, args ...any) checkResult {
	return checkResult{Found: fmt.Sprintf(format, args...)}
}

// failedf is the result of a check that has found a problem.
func failedf(do, format string, args ...any) checkResult {
	return checkResult{Wrong: fmt.Sprintf(format, args...), Do: do}
}

// failedErr is the result of a check that returned an error.
func failedErr(do string, err error) checkResult { return checkResult{Wrong: message(err), Do: do} }

// notChecked is the result of a check that cannot be run.
func notChecked(format string, args ...any) checkResult {
	return checkResult{NotChecked: fmt.Sprintf(format, args...)}
}

// local returns the checks of a server on this machine. The tenants' files are those
// that the server serves, or of --schemas.
func (c *doctorCommand) local(s *session) []check {
	var served healthStatus
	files := func() (blob.Bucket, string, error) {
		folder := cmp.Or(c.Schemas, served.Schemas, "schemas")
		tree, err := openSchemas(folder)
		return tree, folder, err
	}
	return []check{
		{what: "server", run: func(ctx context.Context) (r checkResult) {
			var err error
			switch served, err = serverStatus(ctx, s.endpoint); {
			case errors.Is(err, syscall.ECONNREFUSED):
				return failedf("make run, or set another server with --endpoint-url", "no server responds at %s", s.endpoint)
			case err != nil:
				return failedErr("check --endpoint-url", err)
			case served.Reason != "":
				return failedf("free space on the disk, or raise --max-data-bytes of eventrouter serve", "%s is not ready: %s", s.endpoint, served.Reason)
			}
			return passed("%s", s.endpoint)
		}},
		{what: "dead letters", needs: "server", run: func(ctx context.Context) checkResult {
			letters, err := s.admin.DeadLetters(ctx, admin.LetterQuery{})
			switch {
			case err != nil:
				return failedErr("", err)
			case len(letters) > 0:
				return failedf("eventrouter dead-letters list", "%d events could not be delivered", len(letters))
			}
			return passed("none")
		}},
		{what: "tenant files", run: func(ctx context.Context) checkResult {
			tree, folder, err := files()
			if err != nil {
				return failedErr("set the folder with --schemas", err)
			}
			r := lintCheck(ctx, tree, nil, folder)
			if c.Schemas != "" && served.Schemas != "" && r.Wrong == "" && !sameFolder(c.Schemas, served.Schemas) {
				r.Found += "; the server serves another folder, " + served.Schemas
			}
			return r
		}},
		{what: "output buses", needs: "server", run: func(ctx context.Context) checkResult {
			tree, _, err := files()
			if err != nil {
				return notChecked("see tenant files")
			}
			return s.localBuses(ctx, tree)
		}},
	}
}

// sameFolder reports whether two paths name one folder.
func sameFolder(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// localBuses checks that the server serves the buses of the tenants' rules and that
// they exist. It accepts entries for buses of other accounts and regions, which reach
// nothing.
func (s *session) localBuses(ctx context.Context, files blob.Bucket) checkResult {
	buses, err := tenant.Buses(ctx, files)
	if err != nil {
		return failedErr("", err)
	}
	sender := eventbridgebus.New(eventbridge.Options{BaseEndpoint: aws.String(s.endpoint), Credentials: localCredentials})
	here, err := serverPlace(ctx, s.endpoint)
	if err != nil {
		return failedErr("", err)
	}
	own := 0
	for _, b := range buses {
		if !here.serves(b) {
			return failedf(fmt.Sprintf("correct the ARN in the tenant's file, or eventrouter serve --account %s --region %s --data NEW_FOLDER", b.Account(), b.Region()),
				"event bus %s is not served: the server has account %s and region %s", b, here.Account, here.Region)
		}
		own++
		if there, err := sender.Exists(ctx, b); err != nil {
			return failedErr("", err)
		} else if !there {
			return failedf(createBus(b)+" --endpoint-url "+s.endpoint+", or correct the name in the tenant's file", "event bus %s does not exist; entries for it stay pending", b)
		}
	}
	return passed("%d of this server, none missing", own)
}

// createBus returns the command that creates a bus.
func createBus(b events.BusARN) string {
	return "aws events create-event-bus --name " + b.Name() + " --region " + b.Region()
}

// lintCheck lints the tenants' files.
func lintCheck(ctx context.Context, files blob.Bucket, o *tenant.LintOptions, where string) checkResult {
	findings, err := tenant.Lint(ctx, files, o)
	if err != nil {
		return failedErr("", err)
	}
	first, wrong := "", 0
	for _, f := range findings {
		if f.Severity != diag.SeverityError {
			continue
		}
		if wrong++; wrong == 1 {
			first = f.String()
		}
	}
	if wrong > 0 {
		return failedf("correct it; eventrouter tenant lint on the source folder lists all problems", "errors in the tenants' files: %d; the first: %s", wrong, first)
	}
	return passed("no problems found in %s", where)
}
