package main

import (
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
	"github.com/blockforger/eventrouter/internal/jsonerror"
)

type keysCommands struct {
	Create keysCreate `cmd:"" help:"Create a key. It is shown once."`
	List   keysList   `cmd:"" help:"List the keys of a tenant."`
	Rotate keysRotate `cmd:"" help:"Create a key that replaces another one after an overlap."`
	Revoke keysRevoke `cmd:"" help:"Revoke a key, within 30 seconds; this cannot be undone."`
	Export keysExport `cmd:"" help:"Print the stored form of a tenant's keys: hashes, not the keys themselves."`
	Import keysImport `cmd:"" help:"Store keys that were printed by keys export."`
}

type keysCreate struct {
	Tenant     string        `required:"" help:"The tenant of the key."`
	Permission []string      `default:"backend_calls" help:"A permission of the key: backend_calls or read_only. May be repeated."`
	ExpiresIn  time.Duration `placeholder:"DURATION" help:"The lifetime of the key, for example 30d. Default: the key does not expire."`
	Quiet      bool          `short:"q" help:"Print only the key."`
}

// Run creates a key.
func (c *keysCreate) Run(s *session) error {
	t, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	in := admin.NewKey{Tenant: t}
	for _, p := range c.Permission {
		in.Permissions = append(in.Permissions, apikey.Permission(p))
	}
	switch {
	case c.ExpiresIn < 0:
		return fault.Errorf(fault.Invalid, "--expires-in must be positive")
	case c.ExpiresIn > 0:
		in.Expires = time.Now().Add(c.ExpiresIn).UTC().Truncate(time.Second)
	}
	created, err := s.admin.CreateKey(s.ctx, in)
	if err != nil {
		return err
	}
	if c.Quiet && !s.print.json {
		s.print.line("%s", created.Key)
		return nil
	}
	return s.printKey(created, "")
}

// printKey prints a new key, which cannot be shown again, and a note with more.
func (s *session) printKey(k admin.CreatedKey, more string) error {
	if done, err := s.print.printJSON(k); done {
		return err
	}
	s.print.line("key id  %s", k.KeyID)
	s.print.line("key     %s", s.print.bold(k.Key))
	s.print.note("Keep the key now: it is not shown again.%s", more)
	return nil
}

type keysList struct {
	Tenant string `required:"" help:"The tenant whose keys to list."`
}

// Run lists a tenant's keys.
func (c *keysList) Run(s *session) error {
	t, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	keys, err := s.admin.ListKeys(s.ctx, t)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		if err := s.admin.CheckExists(s.ctx, t, ""); err != nil {
			return err
		}
	}
	if done, err := s.print.printJSON(struct {
		Keys []admin.KeyInfo `json:"keys"`
	}{keys}); done {
		return err
	}
	rows := make([][]string, len(keys))
	for i, k := range keys {
		rows[i] = []string{string(k.KeyID), k.State, permissions(k.Permissions), date(k.Created), date(k.Expires), day(k.LastUsed)}
	}
	return s.print.table([]string{"KEY ID", "STATE", "PERMISSIONS", "CREATED", "EXPIRES", "LAST USED"}, rows)
}

type keysRevoke struct {
	KeyID string `arg:"" name:"key-id" help:"The id of the key, as keys list shows it."`
}

// Run revokes a key.
func (c *keysRevoke) Run(s *session) error {
	info, err := s.admin.RevokeKey(s.ctx, apikey.ID(c.KeyID))
	if err != nil {
		return err
	}
	if done, err := s.print.printJSON(info); done {
		return err
	}
	s.print.line("key %s of tenant %s is revoked; it stops working within 30 seconds", info.KeyID, info.Tenant)
	return nil
}

func permissions(ps []apikey.Permission) string {
	out := ""
	for i, p := range ps {
		if i > 0 {
			out += ","
		}
		out += string(p)
	}
	return out
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// day formats a time that is stored with a precision of one day.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}

type keysRotate struct {
	KeyID     string        `arg:"" name:"key-id" help:"The id of the old key, as keys list shows it."`
	Overlap   time.Duration `default:"24h" help:"How long the old key remains valid."`
	ExpiresIn time.Duration `placeholder:"DURATION" help:"The lifetime of the new key, for example 30d. Default: the key does not expire."`
}

// Run creates a key with the permissions of the old one, and sets the old one to
// expire.
func (c *keysRotate) Run(s *session) error {
	in := admin.Rotation{KeyID: apikey.ID(c.KeyID), Overlap: int64(c.Overlap / time.Second)}
	switch {
	case c.Overlap < 0:
		return fault.Errorf(fault.Invalid, "--overlap must not be negative")
	case c.ExpiresIn < 0:
		return fault.Errorf(fault.Invalid, "--expires-in must be positive")
	case c.ExpiresIn > 0:
		in.Expires = time.Now().Add(c.ExpiresIn).UTC().Truncate(time.Second)
	}
	created, err := s.admin.RotateKey(s.ctx, in)
	if err != nil {
		return err
	}
	return s.printKey(created, fmt.Sprintf(" The old key, %s, remains valid for %v.", c.KeyID, c.Overlap))
}

type keysExport struct {
	Tenant string `required:"" help:"The tenant whose keys to print."`
}

// Run prints the stored form of a tenant's keys, for keys import.
func (c *keysExport) Run(s *session) error {
	t, err := events.ParseTenantID(c.Tenant)
	if err != nil {
		return err
	}
	keys, err := s.admin.ExportKeys(s.ctx, t)
	if err != nil {
		return err
	}
	asJSON := s.print
	asJSON.json = true
	_, err = asJSON.printJSON(storedKeys{keys})
	return err
}

type storedKeys struct {
	Keys []admin.StoredKey `json:"keys"`
}

type keysImport struct {
	File string `arg:"" help:"The file to read; - is standard input."`
}

// Run stores exported keys. It never sees the keys themselves.
func (c *keysImport) Run(s *session) error {
	data, err := readInput(s, c.File)
	if err != nil {
		return err
	}
	var in storedKeys
	if err := json.Unmarshal(data, &in, json.RejectUnknownMembers(true)); err != nil {
		return fault.Errorf(fault.Invalid, "%s is not the output of keys export: %s", c.File, jsonerror.Describe(data, err))
	}
	n, err := s.admin.ImportKeys(s.ctx, in.Keys)
	if err != nil {
		return err
	}
	if done, err := s.print.printJSON(struct {
		Imported int `json:"imported"`
	}{n}); done {
		return err
	}
	s.print.line("%d keys are stored", n)
	return nil
}
