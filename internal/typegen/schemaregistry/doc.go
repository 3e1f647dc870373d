// Package schemaregistry reads and writes EventBridge schema registries: through
// the Schemas API, or, for reading, from documents that were saved in a folder.
//
// Schemas are called by their registry's names, and a version is always the
// numerically highest: "10" is newer than "9". Faults tell whose turn it is: a
// missing permission is Denied and names the action, a registry that is not
// there NotFound, and throttling that outlasts the retries Unavailable.
//
// A [Registry] and a [Folder] are safe for concurrent use.
package schemaregistry

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Source is where documents come from.
type Source interface {
	// Names lists the schemas whose name begins with prefix, as [Matches] has it,
	// in order.
	Names(ctx context.Context, prefix string) ([]string, error)
	// Document returns the newest version of one schema.
	Document(ctx context.Context, name string) (Document, error)
	// String names the source, for messages.
	String() string
}

// A Document is the text of one version of a schema.
type Document struct {
	Name    string
	Version string // "" where the source does not tell
	Content []byte
}

// Matches reports whether a schema's name begins with prefix and does not go on
// within the same word: aws.ec2 matches aws.ec2@Change but not aws.ec2fleet@Change
// nor aws.ec2-fleet@Change. A prefix that holds an @, or ends in a sign, may be
// followed by anything.
func Matches(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(prefix)
	open := strings.Contains(prefix, "@") || !unicode.IsLetter(last) && !unicode.IsDigit(last)
	return open || rest == "" || rest[0] == '@' || rest[0] == '/'
}
