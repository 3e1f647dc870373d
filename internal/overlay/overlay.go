// Package overlay builds the program with a file replaced, without changing the tree.
package overlay

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Write writes, into the folder dir, what the flag -overlay of the go command needs to
// see text instead of the content of file. It returns the value of the flag.
func Write(dir, file string, text []byte) (string, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	replacement, overlay := filepath.Join(dir, "replacement.go"), filepath.Join(dir, "overlay.json")
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{file: replacement}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(replacement, text, 0o600); err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, list, 0o600)
}
