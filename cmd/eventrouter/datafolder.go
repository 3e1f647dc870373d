package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
	"github.com/blockforger/eventrouter/internal/durable"
	"github.com/blockforger/eventrouter/internal/names"
	"github.com/blockforger/eventrouter/tenant"
)

// A place is the account and region of a server. They are part of the ARNs that it
// stores, so they stay the same for the life of a data folder.
type place struct {
	Account string `json:"account"`
	Region  string `json:"region"`
}

// localPlace is the place of a server whose tenants name no other.
var localPlace = place{names.LocalAccount, names.LocalRegion}

// placeFile holds the place of a data folder; a folder of an older version has none,
// and localPlace.
const placeFile = "place.json"

func (p place) bus() events.BusARN { return events.DefaultBus("aws", p.Region, p.Account) }

// serves reports whether a bus belongs to the place. A bus without an ARN does.
func (p place) serves(b events.BusARN) bool {
	return b == "" || b.Account() == p.Account && b.Region() == p.Region
}

// check returns an error that names the flag, if account or region is malformed.
func (p place) check() error {
	if p.Account != "" {
		if _, err := events.ParseBusARN(string(place{p.Account, names.LocalRegion}.bus())); err != nil {
			return fmt.Errorf("--account: %q is not an account; it has 12 digits, for example %s", p.Account, names.LocalAccount)
		}
	}
	if p.Region != "" {
		if _, err := events.ParseBusARN(string(place{names.LocalAccount, p.Region}.bus())); err != nil {
			return fmt.Errorf("--region: %q is not a region, for example %s", p.Region, names.LocalRegion)
		}
	}
	return nil
}

// openPlace returns the place of a data folder. That of a new one is what the flags
// say, or else what all rules of the tenants name, and is stored. notice says where
// it comes from, if that is not a flag or the folder.
func openPlace(ctx context.Context, data string, isNew bool, flags place, files blob.Bucket) (p place, notice string, err error) {
	path := filepath.Join(data, placeFile)
	text, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &p); err != nil || p.Account == "" || p.Region == "" || p.check() != nil {
			return p, "", fault.Errorf(fault.Internal, `damaged: %s: it must hold {"account":"...","region":"..."}; restore a backup`, path)
		}
	case !errors.Is(err, os.ErrNotExist):
		return p, "", fault.Wrap("read "+path, fault.Internal, err)
	case !isNew:
		p = localPlace
	default:
		named, err := tenant.Buses(ctx, files)
		if err != nil {
			return p, "", err
		}
		var derived bool
		if p, derived = placeOf(named); derived && flags == (place{}) && p != localPlace {
			notice = fmt.Sprintf("account %s and region %s are those that all rules of the tenants name; they stay those of the data folder", p.Account, p.Region)
		}
		if flags.Account != "" {
			p.Account = flags.Account
		}
		if flags.Region != "" {
			p.Region = flags.Region
		}
		return p, notice, writePlace(data, path, p)
	}
	for _, c := range []struct{ flag, wanted, is string }{{"--account", flags.Account, p.Account}, {"--region", flags.Region, p.Region}} {
		if c.wanted != "" && c.wanted != c.is {
			return p, "", fault.Errorf(fault.Invalid, "%s %s: the data folder %s has %s; use another folder with --data, or leave the flag out", c.flag, c.wanted, data, c.is)
		}
	}
	return p, "", nil
}

// placeOf returns the account and region that all the buses have, and whether there
// is one; otherwise it returns localPlace.
func placeOf(buses []events.BusARN) (place, bool) {
	found := map[place]bool{}
	for _, b := range buses {
		found[place{b.Account(), b.Region()}] = true
	}
	if len(found) == 1 {
		return slices.Collect(maps.Keys(found))[0], true
	}
	return localPlace, false
}

// writePlace writes the file so that it is complete after a power failure.
func writePlace(data, path string, p place) error {
	text, err := json.Marshal(p, json.Deterministic(true))
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(data, ".place-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(text, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(data)
}

// notServed describes a bus that the server does not serve, and how it would.
func (p place) notServed(b events.BusARN) string {
	return fmt.Sprintf("bus %s is not served: this server has account %s and region %s. Its events are kept and reach no rule; "+
		"correct the ARN, or serve with --account %s --region %s and another --data folder", b, p.Account, p.Region, b.Account(), b.Region())
}

// warnForeign returns a policy that reports buses of other accounts and regions.
func (p place) warnForeign() tenant.BusPolicy {
	return func(_ events.TenantID, _ string, b events.BusARN) error {
		if p.serves(b) {
			return nil
		}
		return errors.New(p.notServed(b))
	}
}

// testSources returns the sources of the events that the tenants publish to the
// place's own default bus. They reach the test function.
func testSources(ctx context.Context, p place, files blob.Bucket) ([]string, error) {
	sources := map[string]bool{}
	_, err := tenant.Lint(ctx, files, &tenant.LintOptions{DefaultBus: p.bus(), AllowBus: func(_ events.TenantID, source string, b events.BusARN) error {
		if b == p.bus() {
			sources[source] = true
		}
		return nil
	}})
	delete(sources, events.InputSource) // an input event is for the router
	delete(sources, events.OutputSource)
	return append([]string{events.OutputSource}, slices.Sorted(maps.Keys(sources))...), err
}

// serverPlace returns the place of the server at an endpoint.
func serverPlace(ctx context.Context, endpoint string) (place, error) {
	status, err := serverStatus(ctx, endpoint)
	return status.place, err
}

// serverStatus returns what the server at an endpoint reports of itself.
func serverStatus(ctx context.Context, endpoint string) (healthStatus, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+"/_/health", nil)
	if err != nil {
		return healthStatus{}, fault.Errorf(fault.Invalid, "--endpoint-url: %v", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return healthStatus{}, fault.Wrap("health", fault.Unavailable, err)
	}
	defer res.Body.Close()
	status := healthStatus{place: localPlace} // what an older server does not return
	if err := json.UnmarshalRead(res.Body, &status); err != nil {
		return healthStatus{}, fault.Errorf(fault.Unavailable, "%s returned %s: is it an eventrouter server?", endpoint, res.Status)
	}
	return status, nil
}

// recordsFolder is the folder of the objects, in the data folder.
const recordsFolder = "records"

// checkNoObjects returns an error if the data folder holds objects: without their
// ledger it is not known which of them are records, and which idempotency keys
// have been used.
func checkNoObjects(data string) error {
	objects, err := blob.OpenDir(filepath.Join(data, recordsFolder))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	defer objects.Close()
	found, err := objects.List(context.Background(), "", "", 1)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return fault.Errorf(fault.Invalid, "damaged: %s: it is missing, and %s holds the objects of its records; restore a backup, or start with a new ledger by --new-ledger",
			filepath.Join(data, ledgerFile), filepath.Join(data, recordsFolder))
	}
	return nil
}

// openObjects opens the bucket of the objects of records, in the data folder.
// Their names are those that they have in S3's bucket: data/{tenant}/...
func openObjects(data string) (*blob.Dir, error) {
	path := filepath.Join(data, recordsFolder)
	if err := durable.MkdirAll(path, 0o700); err != nil {
		return nil, fileError("--data", err)
	}
	return blob.OpenDir(path)
}
