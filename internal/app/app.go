// Package app wires the router: it builds router, relay, store and catalog from
// one configuration. The functions on AWS fill it from environment variables
// ([FromEnvironment]), `eventrouter serve` from its flags, so that the code that
// runs on AWS runs on a laptop:
//
//	config, err := app.FromEnvironment(os.Getenv)
//	handler := app.New(config).Handler(os.Stdout)
package app

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/bus"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/lambda"
	"github.com/blockforger/eventrouter/outbox"
	"github.com/blockforger/eventrouter/projection"
	"github.com/blockforger/eventrouter/router"
	"github.com/blockforger/eventrouter/store"
	"github.com/blockforger/eventrouter/tenant"
)

// Config is all that is wired, and how. Every field without "may be" is required.
type Config struct {
	Environment string // the deployment's name
	Account     string // the account whose event buses are checked

	Ledger      Ledger
	Files       blob.Bucket // the files of tenants
	Objects     blob.Bucket // the objects of records with backend s3 or csv
	EventBridge EventBridge

	Catalog tenant.CatalogOptions // may be zero; New sets CompatibilityCheck
	Watch   bus.WatchOptions      // may be zero

	// Lifetime is longer than an invocation can run. The relay skips records that
	// are younger.
	Lifetime   time.Duration
	RelayOwner string        // identifies the relay's leases
	Retention  time.Duration // of idempotency records; may be 0 for the default
	StrictKeys bool          // see [router.Options]

	// InactiveSchemas lets records be read by a schema that is not active, because
	// its records have not been migrated. It is for the process that migrates them.
	InactiveSchemas bool

	Clock func() time.Time // may be nil for time.Now
}

// LogTo makes the process write all its log lines as JSON objects to out: the
// diagnostics of tenant files, and what is logged by [slog]. The functions on AWS
// call it, so that saved queries find each line.
func (c *Config) LogTo(out io.Writer) {
	c.Catalog.Report = lambda.FileReporter(out, c.Environment)
	slog.SetDefault(slog.New(slog.NewJSONHandler(out, nil)).With("environment", c.Environment))
}

// A Ledger stores records and API keys; every driver of package store is one.
type Ledger interface {
	store.Driver
	apikey.Store
}

// EventBridge publishes entries and finds event buses.
type EventBridge interface {
	bus.Sender
	bus.Finder
}

// An App is the wired router.
type App struct {
	Router  *router.Router
	Relay   *outbox.Relay
	Store   *projection.Store
	Catalog *tenant.Catalog

	config Config
}

// New wires an App. It does no I/O.
func New(c Config) *App {
	// The catalog checks schemas by the plain store; the projections, which read the
	// catalog, decorate it.
	records := store.New(c.Ledger, &store.Options{Clock: c.Clock, Retention: c.Retention})
	c.Catalog.CompatibilityCheck = func(ctx context.Context, t events.TenantID, s events.SchemaID, b events.Backend, keyField string) error {
		return records.CheckCompatible(ctx, store.Collection{Tenant: t, Schema: s}, b, keyField)
	}
	a := &App{config: c, Catalog: tenant.NewCatalog(c.Files, &c.Catalog)}
	a.Store = projection.New(records, a.projections())

	c.Watch.Clock = c.Clock
	publisher := outbox.NewPublisher(a.Store, bus.NewPublisher(c.EventBridge), &outbox.Options{
		Clock: c.Clock, Watch: bus.NewWatch(c.EventBridge, a.Store, c.Account, &c.Watch),
	})
	keys := apikey.NewAuthenticator(c.Ledger, &apikey.AuthenticatorOptions{Clock: c.Clock})
	a.Router = router.New(a.Catalog, keys, a.Store, publisher,
		&router.Options{Clock: c.Clock, Retention: c.Retention, StrictKeys: c.StrictKeys})
	a.Relay = outbox.NewRelay(publisher, c.RelayOwner)
	return a
}

// Handler returns the Lambda function of the app, with its log lines on out.
func (a *App) Handler(out io.Writer) *lambda.Handler {
	return lambda.New(a.Router, a.Relay, out, &lambda.Options{
		Environment: a.config.Environment, RelayAge: a.config.Lifetime, Clock: a.config.Clock,
	})
}
