package blob

import (
	"strings"
	"unicode/utf8"

	"github.com/blockforger/eventrouter/fault"
)

const (
	maxKey      = 1024     // bytes, as S3 allows
	maxMetadata = 2 * 1024 // bytes of names and values, as S3 allows
)

// CheckKey verifies that key is a slash-separated path whose elements are safe
// in a file name. An element that begins with a dot is rejected: this excludes
// ".." and the internal files of a [Dir]. The error is Invalid.
func CheckKey(key string) error {
	if err := checkText(key); err != nil {
		return err
	}
	for element := range strings.SplitSeq(key, "/") {
		switch {
		case element == "":
			return fault.Errorf(fault.Invalid, "object key %q has an empty element", key)
		case element[0] == '.':
			return fault.Errorf(fault.Invalid, "object key %q has an element that begins with a dot", key)
		}
	}
	return nil
}

// CheckPrefix verifies that prefix is "" or the beginning of a valid key. The
// error is Invalid.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	return CheckKey(strings.TrimSuffix(prefix, "/"))
}

func checkText(key string) error {
	switch {
	case len(key) > maxKey:
		return fault.Errorf(fault.Invalid, "object key has %d bytes, at most %d are allowed", len(key), maxKey)
	case !utf8.ValidString(key):
		return fault.Errorf(fault.Invalid, "object key %q is not valid UTF-8", key)
	}
	for i, r := range key {
		if r < 0x20 || r == 0x7f || r == '\\' {
			return fault.Errorf(fault.Invalid, "object key %q has %q at byte %d", key, r, i)
		}
	}
	return nil
}

// checkMetadata verifies that every Bucket can store the metadata unchanged:
// names of lower-case letters, digits and "-", values of visible ASCII, 2 KB
// together. The error is Invalid.
func checkMetadata(metadata map[string]string) error {
	size := 0
	for name, value := range metadata {
		size += len(name) + len(value)
		if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return fault.Errorf(fault.Invalid, "metadata name %q must consist of lower-case letters, digits and -", name)
		}
		for i := range len(value) {
			if value[i] <= ' ' || value[i] > '~' {
				return fault.Errorf(fault.Invalid, "metadata %s has %q at byte %d; visible ASCII is allowed", name, value[i], i)
			}
		}
	}
	if size > maxMetadata {
		return fault.Errorf(fault.Invalid, "metadata has %d bytes, at most %d are allowed", size, maxMetadata)
	}
	return nil
}

// CheckWrite verifies the arguments of a Put except the data.
func CheckWrite(key string, metadata map[string]string, c Condition) error {
	if c.IfNone && c.IfMatch != "" {
		return fault.Errorf(fault.Invalid, "a condition requires an object to be absent and to have ETag %s", c.IfMatch)
	}
	if err := CheckKey(key); err != nil {
		return err
	}
	return checkMetadata(metadata)
}

// CheckDelete verifies the arguments of a Delete. The condition that the object is
// absent is invalid.
func CheckDelete(key string, c Condition) error {
	if c.IfNone {
		return fault.Errorf(fault.Invalid, "a delete requires object %q to be absent", key)
	}
	return CheckKey(key)
}

// Check verifies the condition for an object with the ETag found, which is "" if
// the object does not exist. The error is Precondition.
func (c Condition) Check(key string, found ETag) error {
	switch {
	case c.IfNone && found != "":
		return fault.Errorf(fault.Precondition, "object %q exists already", key)
	case c.IfMatch != "" && found == "":
		return fault.Errorf(fault.Precondition, "object %q does not exist any more", key)
	case c.IfMatch != "" && c.IfMatch != found:
		return fault.Errorf(fault.Precondition, "object %q has changed", key)
	}
	return nil
}
