package awstest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
)

// repositoryRoot returns the directory of the root module, where the tools are
// installed for tests of all packages and nested modules.
func repositoryRoot() (string, error) {
	const module = "module github.com/blockforger/eventrouter\n"
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte(module)) {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("the working directory is not inside the eventrouter repository")
		}
		dir = up
	}
}
