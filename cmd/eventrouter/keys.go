package main

import (
	"time"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
)

type keysCommands struct {
	Create keysCreate `cmd:"" help:"Create a key. It is shown once."`
	List   keysList   `cmd:"" help:"List the keys of a tenant."`
	Rotate keysRotate `cmd:"" help:"Create a key to follow another one, which goes on for a while."`
	Revoke keysRevoke `cmd:"" help:"End a key, within 30 seconds and for good."`
	Export keysExport `cmd:"" help:"Print what is stored of a tenant's keys: their hashes, never the keys."`
	Import keysImport `cmd:"" help:"Store keys that keys export of another deployment has printed."`
}

type keysCreate struct {
	Tenant     string        `required:"" help:"The tenant that the key is for."`
	Permission []string      `default:"backend_calls" help:"What the key allows: backend_calls, read_only. May be given again."`
	ExpiresIn  time.Duration `help:"How long the key lasts, such as 720h. It lasts for ever unless this is given."`
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
	return s.printKey(created, "")
}

// printKey shows a key, this once; more is said to a person after it.
func (s *session) printKey(k admin.CreatedKey, more string) error {
	if done, err := s.print.value(k); done {
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
	if done, err := s.print.value(struct {
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
	if done, err := s.print.value(info); done {
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

// day shows a time that is known to the day.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
