package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var documentedCommand = regexp.MustCompile("(?m)(?:`|^|&& |\\$\\(|\\|  ?| {4})(?:bin/)?eventrouter ((?:[a-z]+-?)+(?: (?:[a-z]+-?)+)?)((?:[^`\n|]|\\\\\n)*)")

// TestDocumentedCommands checks that the commands and flags that the documents name
// exist.
func TestDocumentedCommands(t *testing.T) {
	parser, err := newParser(&commands{}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../doc/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range documentedCommand.FindAllStringSubmatch(string(text), -1) {
			found++
			node := parser.Model.Node
			for word := range strings.FieldsSeq(m[1]) {
				next := child(node, word)
				if next == nil && len(node.Children) > 0 {
					t.Errorf("%s: eventrouter %s: there is no command %s", filepath.Base(file), m[1], word)
				}
				if next == nil {
					break
				}
				node = next
			}
			for _, flag := range regexp.MustCompile(`(?:^|[\s\[])--([a-z][a-z-]*)`).FindAllStringSubmatch(m[2], -1) {
				if !hasFlag(node, flag[1]) {
					t.Errorf("%s: eventrouter %s has no flag --%s", filepath.Base(file), m[1], flag[1])
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("only %d commands found", found)
	}
}

func child(node *kong.Node, name string) *kong.Node {
	for _, c := range node.Children {
		if c.Name == name {
			return c
		}
	}
	return nil
}

func hasFlag(node *kong.Node, name string) bool {
	for _, group := range node.AllFlags(false) {
		for _, f := range group {
			if f.Name == name {
				return true
			}
		}
	}
	return false
}
