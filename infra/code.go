package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Code is where the built functions are: folders that hold a file `bootstrap`
// and nothing else.
type Code struct {
	Router string
	Test   string
}

// FindCode looks below the folder that `make build` fills.
func FindCode(build string, withTest bool) (Code, error) {
	c := Code{Router: filepath.Join(build, "eventrouter"), Test: filepath.Join(build, "eventbridge-test")}
	folders := []string{c.Router}
	if withTest {
		folders = append(folders, c.Test)
	}
	for _, folder := range folders {
		file := filepath.Join(folder, "bootstrap")
		info, err := os.Stat(file)
		if err != nil {
			return Code{}, fmt.Errorf("%s is not there; run: make build", file)
		}
		if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return Code{}, fmt.Errorf("%s is not an executable file; run: make build", file)
		}
	}
	return c, nil
}
