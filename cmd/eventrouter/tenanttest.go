package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
	"github.com/blockforger/eventrouter/internal/blob"
)

// testsFolder is where a tenant keeps its tests, below its own folder.
const testsFolder = "tests"

type tenantTest struct {
	Dir string `arg:"" type:"path" help:"The folder of a tenant, or the one with a folder for each tenant."`
}

// A verdict is what became of one test file.
type verdict struct {
	File     string   `json:"file"`
	Passed   bool     `json:"passed"`
	Failures []string `json:"failures,omitempty"`
}

// Run runs every test of the tenants below the folder, each against a router of
// its own in memory.
func (c *tenantTest) Run(s *session) error {
	folders, err := tenantFolders(c.Dir)
	if err != nil {
		return err
	}
	verdicts := []verdict{}
	failed := 0
	for _, folder := range folders {
		files, err := filepath.Glob(filepath.Join(folder, testsFolder, "*.json"))
		if err != nil {
			return err
		}
		for _, file := range files {
			v := verdict{File: file}
			if v.Failures, err = runTestFile(s, folder, file); err != nil {
				return err
			}
			if v.Passed = len(v.Failures) == 0; !v.Passed {
				failed++
			}
			verdicts = append(verdicts, v)
		}
	}
	if len(verdicts) == 0 {
		return fault.Errorf(fault.NotFound, "%s: no tenant here has a %s/*.json", c.Dir, testsFolder)
	}
	if done, err := s.print.value(struct {
		Tests []verdict `json:"tests"`
	}{verdicts}); done && err != nil {
		return err
	} else if !done {
		for _, v := range verdicts {
			word := s.print.green("ok  ")
			if !v.Passed {
				word = s.print.red("FAIL")
			}
			s.print.line("%s %s", word, v.File)
			for _, f := range v.Failures {
				s.print.line("     %s", f)
			}
		}
	}
	if failed > 0 {
		return errFindings
	}
	return nil
}

// tenantFolders are the folders of tenants at or below dir.
func tenantFolders(dir string) ([]string, error) {
	if _, err := os.Stat(filepath.Join(dir, "tenant.properties")); err == nil {
		return []string{dir}, nil
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Errorf(fault.NotFound, "%s does not exist", dir)
	}
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%v", err)
	}
	var folders []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "tenant.properties")); err == nil && e.IsDir() {
			folders = append(folders, filepath.Join(dir, e.Name()))
		}
	}
	return folders, nil
}

// runTestFile answers what is not as the file expects. The error is for a file
// or tenant that cannot be read.
func runTestFile(s *session, folder, file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%v", err)
	}
	var test tenantCase
	if err := json.Unmarshal(data, &test, json.RejectUnknownMembers(true)); err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s is not a test: %v", file, err)
	}
	if len(test.Steps) == 0 {
		return nil, fault.Errorf(fault.Invalid, "%s has no steps", file)
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	id, err := events.ParseTenantID(filepath.Base(absolute))
	if err != nil {
		return nil, err
	}
	tree, err := blob.OpenDir(filepath.Dir(absolute))
	if err != nil {
		return nil, err
	}
	house, err := newTestHouse(s.ctx, tree, id)
	if err != nil {
		return nil, err
	}
	failures, err := test.run(s.ctx, house)
	if err != nil {
		return nil, fault.Errorf(fault.Invalid, "%s: %s", strings.TrimSuffix(file, "\n"), message(err))
	}
	return failures, nil
}
