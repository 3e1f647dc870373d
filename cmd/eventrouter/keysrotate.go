package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/apikey"
	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/admin"
)

type keysRotate struct {
	KeyID     string        `arg:"" name:"key-id" help:"The id of the key to follow, as keys list shows it."`
	Overlap   time.Duration `default:"24h" help:"How long the old key goes on."`
	ExpiresIn time.Duration `help:"How long the new key lasts, such as 720h. It lasts for ever unless this is given."`
}

// Run makes a key like the old one, and gives that one its end.
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
	return s.printKey(created, fmt.Sprintf(" The old one, %s, goes on for %v.", c.KeyID, c.Overlap))
}

type keysExport struct {
	Tenant string `required:"" help:"The tenant whose keys to print."`
}

// Run prints what is stored of a tenant's keys, for import.
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
	_, err = asJSON.value(storedKeys{keys})
	return err
}

type storedKeys struct {
	Keys []admin.StoredKey `json:"keys"`
}

type keysImport struct {
	File string `arg:"" help:"The file to read; - is standard input."`
}

// Run stores keys whose secrets nobody here knows.
func (c *keysImport) Run(s *session) error {
	data, err := c.read(s)
	if err != nil {
		return fault.Errorf(fault.Invalid, "%s: %v", c.File, err)
	}
	var in storedKeys
	if err := json.Unmarshal(data, &in, json.RejectUnknownMembers(true)); err != nil {
		return fault.Errorf(fault.Invalid, "%s is not what keys export prints: %v", c.File, err)
	}
	n, err := s.admin.ImportKeys(s.ctx, in.Keys)
	if err != nil {
		return err
	}
	if done, err := s.print.value(struct {
		Imported int `json:"imported"`
	}{n}); done {
		return err
	}
	s.print.line("%d keys are stored", n)
	return nil
}

func (c *keysImport) read(s *session) ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(io.LimitReader(s.in, 64<<20))
	}
	return os.ReadFile(c.File)
}
