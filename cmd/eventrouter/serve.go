package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/bus/eventbridgebus"
	"github.com/blockforger/eventrouter/console"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/app"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/commandline"
	"github.com/blockforger/eventrouter/internal/durable"
	"github.com/blockforger/eventrouter/internal/loopback"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/internal/seal"
	"github.com/blockforger/eventrouter/internal/watch"
	"github.com/blockforger/eventrouter/lambda/eventlog"
	"github.com/blockforger/eventrouter/local"
	"github.com/blockforger/eventrouter/store/boltstore"
	"github.com/blockforger/eventrouter/tenant"
	"github.com/blockforger/eventrouter/tenant/diag"
)

type serveCommand struct {
	Listen    string `default:"127.0.0.1:4010" help:"The address to listen on; port 0 lets the system choose."`
	Data      string `default:".data" type:"path" help:"The folder of all data. It is created if it does not exist."`
	Schemas   string `default:"schemas" type:"path" help:"The folder with one folder per tenant."`
	NewLedger bool   `name:"new-ledger" help:"Allow a new ledger to be created although there are objects of an earlier one. The objects are then imported as external edits."`
	DemoKey   string `name:"demo-key" default:"auto" help:"The tenant for which a key is created if the data folder is new. auto: the first one that takes input events; empty: none."`

	awsFlags `embed:""`
}

// The values of GOGC and GOMEMLIMIT of serve. Collecting less often saves a fifth of the
// CPU time of an event; above the limit, which is no hard one, memory is collected as
// often as is needed.
const (
	gcPercent   = 300
	memoryLimit = 256 << 20
)

// Run serves until it is interrupted.
func (c *serveCommand) Run(s *session) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	log := slog.New(slog.NewTextHandler(s.print.err, nil))
	side := c.awsFlags.options(log)
	side.newLedger = c.NewLedger
	side.print = func(line string) { s.print.line("%s", line) }
	srv, err := openServer(c.Listen, c.Data, c.Schemas, side)
	if err != nil {
		return err
	}
	defer func() {
		if err := srv.close(); err != nil {
			log.Error("closing", "error", err)
		}
	}()
	if err := c.printWelcome(s, srv); err != nil {
		return err
	}
	return srv.run(s.ctx)
}

// greet prints the server's URL and the next commands.
func (c *serveCommand) printWelcome(s *session, srv *server) error {
	p := s.print
	p.line("%s %s", p.bold("eventrouter serves at"), p.green(srv.url))
	p.line("console: %s", srv.console.URL(srv.url))
	p.line("tenants in %s, data in %s", c.Schemas, c.Data)
	if srv.notice != "" {
		p.line("%s", srv.notice)
	}
	if c.Chaos != (chaosFlag{}) {
		p.line("%s", p.red("faults are injected into deliveries: "+c.Chaos.String()))
	}
	suggested, err := srv.suggest(s.ctx, c.DemoKey)
	if err != nil {
		return err
	}
	if suggested.Tenant == "" {
		p.line("\nThere are no tenants in %s yet. In another terminal:\n\n  %s tenant init acme --schemas %s", c.Schemas, self(), shellQuote(relativePath(c.Schemas)))
		return nil
	}
	if srv.fresh && c.DemoKey != "" {
		made, err := srv.admin.CreateKey(s.ctx, admin.NewKey{Tenant: suggested.Tenant, Permissions: []apikey.Permission{apikey.BackendCalls}})
		if err != nil {
			return err
		}
		p.line("\nA key for the tenant %s, shown this once:\n\n  export EVENTROUTER_KEY=%s", suggested.Tenant, p.bold(made.Key))
	} else {
		p.line("\nA new key:  %s keys create --tenant %s --permission backend_calls", self(), suggested.Tenant)
	}
	p.line("\nIn another terminal:\n")
	if srv.url != defaultEndpoint {
		p.line("  export EVENTROUTER_ENDPOINT_URL=%s", srv.url)
	}
	for _, command := range srv.firstCommands(s.ctx, suggested) {
		p.line("  %s %s", self(), command)
	}
	p.line("")
	return nil
}

// suggest returns the tenant and schema for the first commands: of the tenant that is
// named or, for auto, of the first that takes input events and has a schema from which
// a payload can be generated; the sample tenant comes first. The tenant is "" if there
// is none, and the schema if the tenant has none.
func (s *server) suggest(ctx context.Context, name string) (admin.SampleQuery, error) {
	catalog := s.app.Catalog
	var ids []events.TenantID
	if name != "" && name != autoTenant {
		id, err := events.ParseTenantID(name)
		if err != nil {
			return admin.SampleQuery{}, fault.Errorf(fault.Invalid, "--demo-key: %s", fault.MessageOf(err))
		}
		ids = append(ids, id)
	} else {
		all, err := catalog.Tenants(ctx)
		if err != nil {
			return admin.SampleQuery{}, err
		}
		if i := slices.Index(all, demoTenant); i >= 0 {
			ids = append(ids, demoTenant)
		}
		ids = append(ids, all...)
	}
	var best admin.SampleQuery
	for _, id := range ids {
		q := admin.SampleQuery{Tenant: id, Operation: events.Post}
		if t, err := catalog.Tenant(ctx, id); err == nil && t.Input {
			schemas, _ := catalog.Schemas(ctx, id) // reported when they are used
			for _, q.Schema = range schemas {
				if _, err := sampleOf(ctx, catalog, q); err == nil {
					return q, nil
				}
			}
			q.Schema = ""
		}
		if best.Tenant == "" {
			best = q
		}
	}
	return best, nil
}

// firstCommands returns commands that work with the tenants that were loaded.
func (s *server) firstCommands(ctx context.Context, q admin.SampleQuery) []string {
	if q.Schema == "" {
		return []string{"tenant lint " + shellQuote(relativePath(s.tenants.dir)), "tenant add-schema --help"}
	}
	sample, err := sampleOf(ctx, s.app.Catalog, q)
	if err != nil {
		return nil
	}
	entry := fmt.Sprintf(`{"Source":%q,"DetailType":%q,"Detail":{`+"\n    "+`"tenant":%q,"rootSchema":%q,"api_key":"KEY","payload":%s}}`,
		events.InputSource, events.InputDetailType(q.Schema, q.Operation), q.Tenant, q.Schema, sample.Payload)
	return []string{
		fmt.Sprintf("trigger %s/%s.%s", q.Tenant, q.Schema, q.Operation),
		"put-events --entries " + strings.Replace(shellQuote(entry), `"KEY"`, `"'$EVENTROUTER_KEY'"`, 1),
		fmt.Sprintf("records list --tenant %s --schema %s", q.Tenant, q.Schema),
		"usage --tenant " + string(q.Tenant),
		"events tail --follow",
	}
}

// self returns the command as the user wrote it, for example bin/eventrouter.
func self() string {
	if name := os.Args[0]; strings.Contains(name, "/") && !filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return "eventrouter"
}

// autoTenant is the value of --demo-key that selects a tenant.
const autoTenant = "auto"

// shellQuote quotes an argument for a POSIX shell, if that is necessary.
func shellQuote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:@%+=,", r))
	}) < 0 {
		return s
	}
	return commandline.Quote(s)
}

// server is what `serve` runs: the local AWS services, the router, and the stores,
// over one listener.
type server struct {
	url     string
	data    string // the data folder
	admin   admin.Admin
	fresh   bool // the data folder was new
	place   place
	tenants *tenantFiles
	rules   func(ctx context.Context) error // updates the rules for the tenants' sources
	// notice says where the place of a new data folder comes from; it may be empty.
	notice string

	started time.Time

	health  *health
	console *console.Console

	listener net.Listener
	http     *http.Server
	local    *local.Server
	ledger   *boltstore.Driver
	objects  *blob.Dir // of records with backend s3 or csv
	app      *app.App
	log      *slog.Logger

	stopFunctions func() // of the user; nil if they were not registered
}

// defaultEndpoint is the default of --endpoint-url.
const defaultEndpoint = "http://127.0.0.1:4010"

const (
	function        = "eventrouter-" + names.Local
	testFunction    = "eventbridge-test-" + names.Local
	ledgerFile      = "ledger.db" // in the data folder
	relayEvery      = time.Minute
	busEvery        = 10 * time.Second // a check is a call within this process
	restBodyTimeout = 20 * time.Second
)

// openServer opens the stores and creates the server. It serves when run is called.
func openServer(listen, data, schemas string, side *serverOptions) (_ *server, err error) {
	log := side.Log
	tree, err := openSchemas(schemas)
	if err != nil {
		if _, missing := os.Stat(schemas); errors.Is(missing, os.ErrNotExist) {
			err = fault.Errorf(fault.Invalid, "%s; this command creates it: eventrouter tenant init acme --schemas %s", fault.MessageOf(err), shellQuote(schemas))
		}
		return nil, err
	}
	if err := durable.MkdirAll(data, 0o700); err != nil {
		return nil, fileError("--data", err)
	}
	ledgerPath := filepath.Join(data, ledgerFile)
	_, statErr := os.Stat(ledgerPath)
	srv := &server{data: data, log: log, fresh: errors.Is(statErr, os.ErrNotExist), started: time.Now()}
	defer func() {
		if err != nil {
			err = errors.Join(err, srv.close())
		}
	}()

	// Listen first, so that nothing is created if the address is in use.
	if srv.listener, err = net.Listen("tcp", listen); err != nil {
		return nil, listenError(listen, err)
	}
	srv.url = "http://" + reachable(srv.listener.Addr())

	if srv.fresh && !side.newLedger {
		if err := checkNoObjects(data); err != nil {
			return nil, err
		}
	}
	if srv.place, srv.notice, err = openPlace(context.Background(), data, srv.fresh, side.place(), tree); err != nil {
		return nil, err
	}
	side.Account, side.Region = srv.place.Account, srv.place.Region
	side.Endpoint = srv.url
	key, err := seal.Open(data, ledgerFile)
	if err != nil {
		return nil, err
	}
	if srv.ledger, err = boltstore.Open(ledgerPath, &boltstore.Options{Clock: side.Now, Sealer: key}); err != nil {
		return nil, err
	}
	if srv.local, err = local.Open(filepath.Join(data, "aws"), &side.Options); err != nil {
		return nil, err
	}
	if srv.objects, err = openObjects(data); err != nil {
		return nil, err
	}
	srv.tenants = &tenantFiles{dir: schemas, files: tree, log: log, print: side.print}
	srv.app = app.New(app.Config{
		Environment: names.Local,
		Account:     srv.place.Account,
		Ledger:      srv.ledger,
		Files:       tree,
		Objects:     srv.objects,
		EventBridge: eventbridgebus.New(eventbridge.Options{BaseEndpoint: aws.String(srv.url), Credentials: localCredentials, HTTPClient: selfClient()}),
		Catalog:     tenant.CatalogOptions{DefaultBus: srv.place.bus(), WarnBus: srv.place.warnForeign(), Report: srv.tenants.report},
		// Events for buses of other accounts and regions are kept here.
		Watch: bus.WatchOptions{
			Region: srv.place.Region, Every: busEvery, Direct: true,
			Expected: func(ctx context.Context) ([]events.BusARN, error) { return tenant.Buses(ctx, tree) },
		},
		Lifetime: names.Timeout + names.RelayGrace,
		// One process at a time has the file, so that leases of an earlier process are
		// this relay's.
		RelayOwner:      names.Local,
		StrictKeys:      app.StrictKeys(os.Getenv),
		InactiveSchemas: true,
		Clock:           side.Now,
	})
	handler := srv.app.Handler(os.Stdout)
	srv.local.Functions.Register(function, handler.Serve)
	srv.local.Functions.Register(testFunction, eventlog.Serve)
	sources, err := testSources(context.Background(), srv.place, tree)
	if err != nil {
		return nil, err
	}
	if side.template == "" {
		srv.rules = func(ctx context.Context) error {
			now, err := testSources(ctx, srv.place, tree)
			if err != nil || slices.Equal(now, sources) {
				return err
			}
			sources = now
			return installRules(srv.local, srv.place, now)
		}
	}
	if srv.stopFunctions, err = registerFunctions(srv.local, side.functions, &side.Options, srv.url); err != nil {
		return nil, err
	}
	if err := side.install(srv.local, handler.Serve, srv.url, sources); err != nil {
		return nil, err
	}
	direct := admin.NewDirect(srv.ledger, srv.app.Store, functions{srv.local, srv.app.Store, srv.app.Router, &loggedOutcomes{}, srv.place, srv.app.Catalog}, side.Now)
	direct.Objects, direct.Tenants, direct.Schemas = srv.objects, srv.app.Catalog.Tenants, srv.app.Catalog.Schemas
	srv.admin = direct
	srv.health = &health{data: srv.data, schemas: srv.tenants.dir, local: srv.local, place: srv.place}
	if err := srv.openConsole(tree, side.Now); err != nil {
		return nil, err
	}
	srv.http = &http.Server{
		Handler:           srv.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      2 * time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return srv, nil
}

// selfClient returns the client by which the router publishes to this server. It keeps
// a connection for each delivery that may run at a time; the SDK's own keeps 10.
func selfClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * 64, IdleConnTimeout: time.Minute}}
}

// reachable returns the address of a listener as seen from this machine: loopback
// if it listens on all addresses.
func reachable(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return a.String()
}

func openSchemas(path string) (*blob.Dir, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fileError("--schemas", err)
	case !info.IsDir():
		return nil, fault.Errorf(fault.Invalid, "--schemas: %s is not a folder", path)
	}
	return blob.OpenDir(path)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /_/health", s.health)
	mux.Handle(admin.Prefix, admin.NewHandler(s.admin))
	mux.Handle(console.Prefix, s.console)
	mux.Handle("/", forBrowsers(s.local.Handler()))
	rest := &restAPI{bodyTimeout: restBodyTimeout, invoke: func(ctx context.Context, requestID string, payload []byte) ([]byte, bool, error) {
		return s.local.Functions.Invoke(ctx, function, requestID, payload)
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest.serves(r) {
			rest.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// forBrowsers redirects a browser that opens the server's address to the console. The
// clients of AWS's protocols do not ask for HTML.
func forBrowsers(aws http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == "/" && strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, console.Prefix, http.StatusSeeOther)
			return
		}
		aws.ServeHTTP(w, r)
	})
}

// openConsole creates the web console of the server.
func (s *server) openConsole(tree blob.Bucket, clock func() time.Time) (err error) {
	s.console, err = console.New(console.Config{
		Admin: s.admin, Tenants: s.app.Catalog.Tenants, Schemas: s.app.Catalog.Schemas, Files: tree,
		EventBridge: eventbridge.New(eventbridge.Options{Region: s.place.Region, BaseEndpoint: aws.String(s.url), Credentials: localCredentials}),
		Health:      s.health.problem, Backlog: s.local.Pending, Log: s.log, Clock: clock,
	})
	return err
}

// run serves until ctx ends, and then waits for pending requests.
func (s *server) run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.http.Serve(problemListener{s.listener}); !errors.Is(err, http.ErrServerClosed) {
			stop(err)
		}
	})
	running.Go(func() {
		if err := s.local.Run(ctx); err != nil {
			stop(err)
		}
	})
	running.Go(func() { s.runRelay(ctx) })
	running.Go(func() { watch.Folder(ctx, s.tenants.dir, nil, func(paths []string) { s.reload(ctx, paths) }) })

	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := s.http.Shutdown(grace)
	running.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// runRelay runs the relay at once, for entries that an earlier process left (younger
// ones may belong to running invocations), and then every minute, like the schedule
// on AWS.
func (s *server) runRelay(ctx context.Context) {
	done, err := s.app.Relay.Run(ctx, time.Since(s.started))
	if err != nil && ctx.Err() == nil {
		s.log.Error("relay", "error", err)
	}
	for _, b := range done.MissingBuses {
		s.log.Warn("event bus does not exist; entries for it stay pending", "bus", b, "create", createBus(b))
	}
	tick := time.NewTicker(relayEvery)
	defer tick.Stop()
	schedule := []byte(`{"source":"aws.events","detail-type":"Scheduled Event","detail":{}}`)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, _, err := s.local.Functions.Invoke(ctx, function, rand.Text(), schedule); err != nil && ctx.Err() == nil {
				s.log.Error("relay", "error", err)
			}
		}
	}
}

func (s *server) close() error {
	var errs []error
	if s.listener != nil {
		_ = s.listener.Close() // closed by run already, or never used
	}
	if s.stopFunctions != nil {
		s.stopFunctions()
	}
	if s.local != nil {
		errs = append(errs, s.local.Close())
	}
	if s.objects != nil {
		errs = append(errs, s.objects.Close())
	}
	if s.ledger != nil {
		errs = append(errs, s.ledger.Close())
	}
	return errors.Join(errs...)
}

const (
	// probeSize is the space that must be free on the disk: the largest request.
	probeSize = 1 << 20
	// probeEvery is the time for which the result of a probe is cached.
	probeEvery = time.Second
)

// health serves /_/health: 200 if a request can be stored, else 503 with the reason.
type health struct {
	data    string // the data folder
	schemas string // the folder of the tenants' files; told only to peers on this machine
	local   *local.Server
	place   place

	mu     sync.Mutex
	probed time.Time
	result error
}

type healthStatus struct {
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
	place
	Schemas string `json:"schemas,omitempty"`
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	code, status := http.StatusOK, healthStatus{Status: "ready", place: h.place}
	if problem := h.problem(); problem != "" {
		code, status = http.StatusServiceUnavailable, healthStatus{Status: "not ready", Reason: problem, place: h.place}
	}
	if loopback.Peer(r.RemoteAddr) {
		status.Schemas = h.schemas
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	body, _ := json.Marshal(status)
	_, _ = w.Write(append(body, '\n'))
}

// problem returns why requests cannot be stored, or "".
func (h *health) problem() string {
	switch {
	case h.probe() != nil:
		return "the data folder cannot be written to; the disk may be full"
	case h.local.EventBridge.OutOfSpace():
		return "events are rejected: no space is left for them"
	}
	return ""
}

// probe writes and removes a file in the data folder.
func (h *health) probe() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.probed) < probeEvery {
		return h.result
	}
	h.result = writeProbe(h.data)
	h.probed = time.Now()
	return h.result
}

func writeProbe(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(make([]byte, probeSize))
	if err == nil {
		err = f.Sync() // some file systems allocate space only now
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// tenantFiles are the files of the tenants that a server reads.
type tenantFiles struct {
	dir    string
	files  blob.Bucket
	log    *slog.Logger
	print  func(line string) // nil: to the log
	errors atomic.Int64      // that were reported
}

// report prints a diagnostic of a file that the catalog has read.
func (f *tenantFiles) report(d diag.Diagnostic) {
	if d.Severity == diag.SeverityError {
		f.errors.Add(1)
	}
	d.File = relativePath(filepath.Join(f.dir, filepath.FromSlash(d.File)))
	if f.print != nil {
		f.print(d.String())
	} else {
		f.log.Warn("tenant file", "finding", d.String())
	}
}

func (f *tenantFiles) say(format string, args ...any) {
	if line := fmt.Sprintf(format, args...); f.print != nil {
		f.print(line)
	} else {
		f.log.Info(line)
	}
}

// reload reads the files of tenants again after a change, and prints what is now in
// force: the number of schemas and rules, or the diagnostics.
func (s *server) reload(ctx context.Context, paths []string) {
	s.app.Catalog.Refresh()
	last := ""
	for _, path := range paths {
		name, file, _ := strings.Cut(path, "/")
		if id, err := events.ParseTenantID(name); err == nil && name != last && !strings.Contains(file, "/") {
			last = name
			s.reloadTenant(ctx, id)
		}
	}
	if s.rules != nil && last != "" {
		if err := s.rules(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("the rule of the test function could not be updated", "error", err)
		}
	}
}

func (s *server) reloadTenant(ctx context.Context, id events.TenantID) {
	before, catalog := s.tenants.errors.Load(), s.app.Catalog
	t, err := catalog.Tenant(ctx, id)
	if fault.Is(err, fault.NotFound) {
		s.tenants.say("removed %s: there is no %s any more", id, filepath.Join(string(id), "tenant.properties"))
		return
	}
	if err != nil {
		return // it was reported
	}
	schemas, err := catalog.Schemas(ctx, id)
	if err != nil {
		s.tenants.say("%s: %v", id, err)
		return
	}
	rules := len(t.Rules())
	for _, name := range schemas {
		schema, err := catalog.Schema(ctx, id, name)
		if err == nil {
			rules += len(schema.Rules())
		}
	}
	// A request may have read the files first, and then the catalog reported them.
	found, err := tenant.Lint(ctx, s.tenants.files, &tenant.LintOptions{Only: string(id), DefaultBus: s.place.bus()})
	if _, refused := diag.FirstFatal(found); err == nil && !refused && s.tenants.errors.Load() == before {
		s.tenants.say("reloaded %s: %s, %s", id, counted(len(schemas), "schema"), counted(rules, "rule"))
	}
}

// counted returns a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
