package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/events/pattern"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/trace"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

// The pages of a subject have a type of their own.
type (
	recordPages struct{ *Console }
	tenantPages struct{ *Console }
	busPages    struct{ *Console }
	healthPages struct{ *Console }
	eventPages  struct{ *Console }
	livePages   struct{ *Console }
)

const recordsPerPage = 50

// A selection is the tenant and schema that a visitor has chosen, and the choices.
type selection struct {
	Tenants []events.TenantID
	Schemas []events.SchemaID // of the tenant
	Tenant  events.TenantID   // the first by default; "" without tenants
	Schema  events.SchemaID   // the first by default; "" without schemas
}

// selected returns the selection of a request.
func (c *Console) selected(r *http.Request) (s selection, err error) {
	ctx, q := r.Context(), r.URL.Query()
	if s.Tenants, err = c.c.Tenants(ctx); err != nil {
		return s, err
	}
	switch name := q.Get("tenant"); {
	case name != "":
		if s.Tenant, err = events.ParseTenantID(name); err != nil {
			return s, err
		}
	case len(s.Tenants) > 0:
		s.Tenant = s.Tenants[0]
	default:
		return s, nil
	}
	if s.Schemas, err = c.c.Schemas(ctx, s.Tenant); err != nil {
		return s, err
	}
	switch name := q.Get("schema"); {
	case name != "":
		s.Schema, err = events.ParseSchemaID(name)
	case len(s.Schemas) > 0:
		s.Schema = s.Schemas[0]
	}
	return s, err
}

// records lists the records of a schema.
func (c recordPages) records(r *http.Request) (*page, error) {
	var data struct {
		selection
		admin.RecordPage
	}
	var err error
	if data.selection, err = c.selected(r); err != nil || data.Schema == "" {
		return &page{name: "records", title: "Records", data: data}, err
	}
	data.RecordPage, err = c.c.Admin.ListRecords(r.Context(), admin.RecordQuery{
		Tenant: data.Tenant, Schema: data.Schema, After: events.RecordKey(r.URL.Query().Get("after")), Limit: recordsPerPage,
	})
	return &page{name: "records", title: "Records", data: data}, err
}

// record shows one record, with the entries that it published lately.
func (c recordPages) record(r *http.Request) (*page, error) {
	t, err := events.ParseTenantID(r.PathValue("tenant"))
	if err != nil {
		return nil, err
	}
	s, err := events.ParseSchemaID(r.PathValue("schema"))
	if err != nil {
		return nil, err
	}
	found, err := c.c.Admin.ListRecords(r.Context(), admin.RecordQuery{Tenant: t, Schema: s, Key: events.RecordKey(r.PathValue("key"))})
	if err != nil {
		return nil, err
	}
	history, err := c.history(r.Context(), t, s, events.RecordKey(r.PathValue("key")))
	if err != nil {
		return nil, err
	}
	return &page{name: "record", title: r.PathValue("key"), data: struct {
		Tenant  events.TenantID
		Schema  events.SchemaID
		Record  admin.Record
		History []line
	}{t, s, found.Records[0], history}}, nil
}

// history returns the newest events that changed a record, the newest first, as far as
// the server still stores them.
func (c recordPages) history(ctx context.Context, t events.TenantID, s events.SchemaID, k events.RecordKey) (history []line, err error) {
	lines, _, err := livePages(c).lines(ctx, -1000)
	for _, l := range slices.Backward(lines) {
		if l.Tenant == t && l.Schema == s && l.Key == k && l.Source == events.InputSource {
			history = append(history, l)
		}
	}
	return history, err
}

// A tenantLine is a tenant with its problems.
type tenantLine struct {
	ID       events.TenantID
	Schemas  int
	Errors   int
	Warnings int
}

// tenants lists the tenants.
func (c tenantPages) tenants(r *http.Request) (*page, error) {
	ids, err := c.c.Tenants(r.Context())
	if err != nil {
		return nil, err
	}
	problems, err := tenant.Lint(r.Context(), c.c.Files, nil)
	if err != nil {
		return nil, err
	}
	byTenant := map[string]*tenantLine{}
	lines := make([]tenantLine, len(ids))
	for i, id := range ids {
		lines[i].ID = id
		byTenant[string(id)] = &lines[i]
		schemas, err := c.c.Schemas(r.Context(), id)
		if err != nil {
			return nil, err
		}
		lines[i].Schemas = len(schemas)
	}
	for _, d := range problems {
		folder, _, _ := strings.Cut(d.File, "/")
		if l := byTenant[folder]; l != nil && d.Severity == diag.SeverityError {
			l.Errors++
		} else if l != nil {
			l.Warnings++
		}
	}
	return &page{name: "tenants", title: "Tenants", data: lines}, nil
}

// A file of a tenant, with its diagnostics beside the lines.
type file struct {
	Name  string
	Lines []fileLine
	Whole []diag.Diagnostic // that concern no line
}

type fileLine struct {
	Number   int
	Text     string
	Problems []diag.Diagnostic
}

// tenantPage is everything about a tenant.
type tenantPage struct {
	ID    events.TenantID
	Files []file
	Rules []string
	Usage admin.Usage
	Days  []bar
	Keys  []admin.KeyInfo
	New   *admin.CreatedKey // shown once
}

// tenant shows the files, usage and keys of a tenant.
func (c tenantPages) tenant(r *http.Request) (*page, error) { return c.tenantPage(r, nil) }

func (c tenantPages) tenantPage(r *http.Request, created *admin.CreatedKey) (*page, error) {
	ctx := r.Context()
	id, err := events.ParseTenantID(r.PathValue("tenant"))
	if err != nil {
		return nil, err
	}
	p := tenantPage{ID: id, New: created}
	if p.Files, err = c.files(ctx, id); err != nil {
		return nil, err
	}
	if len(p.Files) == 0 {
		return nil, fault.Errorf(fault.NotFound, "no file describes the tenant %s", id)
	}
	if p.Usage, err = c.c.Admin.Usage(ctx, id, store.Month(c.c.Clock())); err != nil {
		return nil, err
	}
	p.Days = chart(p.Usage.ByDay, c.c.Clock())
	if p.Keys, err = c.c.Admin.ListKeys(ctx, id); err != nil {
		return nil, err
	}
	return &page{name: "tenant", title: "Tenant " + string(id), data: p}, nil
}

// files reads the files of a tenant, and attaches the diagnostics of lint to their lines.
func (c tenantPages) files(ctx context.Context, id events.TenantID) ([]file, error) {
	prefix := string(id) + "/"
	list, err := c.c.Files.List(ctx, prefix, "", 1000)
	if err != nil {
		return nil, err
	}
	problems, err := tenant.Lint(ctx, c.c.Files, &tenant.LintOptions{Only: string(id)})
	if err != nil {
		return nil, err
	}
	var files []file
	for _, info := range list {
		if strings.Count(info.Key, "/") > 1 {
			continue // tests
		}
		o, err := c.c.Files.Get(ctx, info.Key, "")
		if err != nil {
			return nil, err
		}
		f := file{Name: info.Key}
		for i, text := range strings.Split(strings.TrimSuffix(string(o.Data), "\n"), "\n") {
			f.Lines = append(f.Lines, fileLine{Number: i + 1, Text: text})
		}
		for _, d := range problems {
			switch {
			case d.File != info.Key:
			case d.Line > 0 && d.Line <= len(f.Lines):
				f.Lines[d.Line-1].Problems = append(f.Lines[d.Line-1].Problems, d)
			default:
				f.Whole = append(f.Whole, d)
			}
		}
		files = append(files, f)
	}
	return files, nil
}

// A bar is a day of the usage chart. X, Y and Height are in the units of its viewBox.
type bar struct {
	Day          string
	Tokens       int64
	X, Y, Height int
}

const (
	chartHeight = 100
	barWidth    = 20
)

// chart returns the bars of the month until today.
func chart(byDay map[string]int64, now time.Time) []bar {
	now = now.UTC()
	highest := int64(1)
	for _, n := range byDay {
		highest = max(highest, n)
	}
	var bars []bar
	for day := 1; day <= now.Day(); day++ {
		name := time.Date(now.Year(), now.Month(), day, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
		height := int(byDay[name] * chartHeight / highest)
		bars = append(bars, bar{Day: name, Tokens: byDay[name], X: (day - 1) * barWidth, Y: chartHeight - height, Height: height})
	}
	return bars
}

func (c tenantPages) createKey(r *http.Request) (*page, error) {
	id, err := events.ParseTenantID(r.PathValue("tenant"))
	if err != nil {
		return nil, err
	}
	permission, err := apikey.ParsePermission(r.PostForm.Get("permission"))
	if err != nil {
		return nil, err
	}
	made, err := c.c.Admin.CreateKey(r.Context(), admin.NewKey{Tenant: id, Permissions: []apikey.Permission{permission}})
	if err != nil {
		return nil, err
	}
	return c.tenantPage(r, &made)
}

const rotationOverlap = 24 * time.Hour

func (c tenantPages) rotateKey(r *http.Request) (*page, error) {
	id, err := apikey.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	made, err := c.c.Admin.RotateKey(r.Context(), admin.Rotation{KeyID: id, Overlap: int64(rotationOverlap / time.Second)})
	if err != nil {
		return nil, err
	}
	return c.tenantPage(r, &made)
}

func (c tenantPages) revokeKey(r *http.Request) (*page, error) {
	id, err := apikey.ParseID(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if _, err := c.c.Admin.RevokeKey(r.Context(), id); err != nil {
		return nil, err
	}
	return &page{redirect: escapePath("tenants", r.PathValue("tenant"))}, nil
}

// buses lists the event buses.
func (c busPages) buses(r *http.Request) (*page, error) {
	var list []ebtypes.EventBus
	in := &eventbridge.ListEventBusesInput{}
	for {
		out, err := c.c.EventBridge.ListEventBuses(r.Context(), in)
		if err != nil {
			return nil, unavailable(err)
		}
		list = append(list, out.EventBuses...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return &page{name: "buses", title: "Buses", data: list}, nil
		}
	}
}

func unavailable(err error) error {
	return &fault.Error{Code: fault.Unavailable, Message: "the server did not answer", Err: err}
}

// A ruleLine is a rule with its targets.
type ruleLine struct {
	ebtypes.Rule
	Targets []ebtypes.Target
}

type busPage struct {
	Name    string
	Rules   []ruleLine
	More    int // rules that are not shown
	Pattern string
	Event   string
	Result  *pattern.Explanation
	Problem string
}

const maxRules = 200

// bus shows the rules of a bus, and a form to try a pattern.
func (c busPages) bus(r *http.Request) (*page, error) {
	p, err := c.busPage(r)
	if err != nil {
		return nil, err
	}
	p.Pattern = "{\n  \"source\": [\"blockforger-output\"]\n}"
	p.Event = "{\n  \"id\": \"1\", \"account\": \"000000000000\", \"source\": \"blockforger-output\", \"time\": \"2026-11-24T12:00:00Z\",\n  \"region\": \"us-east-1\", \"resources\": [], \"detail-type\": \"orders.POST\", \"detail\": {}\n}"
	return &page{name: "bus", title: "Bus " + p.Name, data: p}, nil
}

func (c busPages) busPage(r *http.Request) (*busPage, error) {
	p := &busPage{Name: r.PathValue("bus")}
	in := &eventbridge.ListRulesInput{EventBusName: &p.Name}
	for {
		out, err := c.c.EventBridge.ListRules(r.Context(), in)
		if err != nil {
			if notFound := new(ebtypes.ResourceNotFoundException); errors.As(err, &notFound) {
				return nil, fault.Errorf(fault.NotFound, "there is no event bus %s", p.Name)
			}
			return nil, unavailable(err)
		}
		for _, rule := range out.Rules {
			if len(p.Rules) == maxRules {
				p.More++
				continue
			}
			targets, err := c.c.EventBridge.ListTargetsByRule(r.Context(), &eventbridge.ListTargetsByRuleInput{Rule: rule.Name, EventBusName: &p.Name})
			if err != nil {
				return nil, unavailable(err)
			}
			p.Rules = append(p.Rules, ruleLine{rule, targets.Targets})
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return p, nil
		}
	}
}

// explain tries a pattern on an event.
func (c busPages) explain(r *http.Request) (*page, error) {
	p, err := c.busPage(r)
	if err != nil {
		return nil, err
	}
	p.Pattern, p.Event = r.PostForm.Get("pattern"), r.PostForm.Get("event")
	compiled, err := pattern.Compile([]byte(p.Pattern))
	if err != nil {
		p.Problem = "Pattern: " + fault.MessageOf(err)
		return &page{name: "bus", title: "Bus " + p.Name, data: p}, nil
	}
	event, err := pattern.Parse([]byte(p.Event))
	if err != nil {
		p.Problem = "Event: " + fault.MessageOf(err)
		return &page{name: "bus", title: "Bus " + p.Name, data: p}, nil
	}
	p.Result = pattern.Explain(compiled, event)
	return &page{name: "bus", title: "Bus " + p.Name, data: p}, nil
}

// health shows what needs an operator.
func (c healthPages) health(r *http.Request) (*page, error) {
	ctx := r.Context()
	data := struct {
		Problem      string
		Due, Waiting int
		Failed       []trace.Entry
		Pending      []trace.Entry
		Letters      []admin.DeadLetter
	}{}
	data.Problem = c.c.Health()
	data.Due, data.Waiting = c.c.Backlog()
	for state, list := range map[string]*[]trace.Entry{"failed": &data.Failed, "pending": &data.Pending} {
		entries, err := c.c.Admin.ListEntries(ctx, admin.EntryQuery{State: state})
		if err != nil {
			return nil, err
		}
		*list = entries.Entries
	}
	var err error
	if data.Letters, err = c.c.Admin.DeadLetters(ctx, admin.LetterQuery{Limit: 100}); err != nil {
		return nil, err
	}
	return &page{name: "health", title: "Health", data: data}, nil
}

// retry sends dead letters again.
func (c healthPages) retry(r *http.Request) (*page, error) {
	q := admin.LetterQuery{IDs: r.PostForm["id"]}
	if len(q.IDs) == 0 {
		return nil, fault.Errorf(fault.Invalid, "no dead letter is selected")
	}
	if _, err := c.c.Admin.RetryDeadLetters(r.Context(), q); err != nil {
		return nil, err
	}
	return &page{redirect: escapePath("health")}, nil
}
