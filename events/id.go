package events

import "github.com/blockforger/eventrouter/fault"

// A TenantID names the owner of schemas, keys and records. The result of
// [ParseTenantID] is safe in a path, a key and an ARN.
type TenantID string

// A SchemaID names the schema of one kind of record, without ".json". The result of
// [ParseSchemaID] is safe in a path, a key and an ARN.
type SchemaID string

const maxID = 64

// ParseTenantID checks that s is 1 to 64 of the characters A-Z, a-z, 0-9, "_"
// and "-", the first a letter or digit. The error is Invalid.
func ParseTenantID(s string) (TenantID, error) {
	if err := checkID("tenant", s); err != nil {
		return "", err
	}
	return TenantID(s), nil
}

// ParseSchemaID checks s as [ParseTenantID] does.
func ParseSchemaID(s string) (SchemaID, error) {
	if err := checkID("schema", s); err != nil {
		return "", err
	}
	return SchemaID(s), nil
}

func checkID(what, s string) error {
	switch {
	case s == "":
		return fault.Errorf(fault.Invalid, "%s id is empty", what)
	case len(s) > maxID:
		return fault.Errorf(fault.Invalid, "%s id has %d bytes, at most %d are allowed", what, len(s), maxID)
	}
	for i, c := range s {
		if c < 0x80 && alphanumeric(byte(c)) || i > 0 && (c == '_' || c == '-') {
			continue
		}
		return fault.Errorf(fault.Invalid, "%s id %q has %q at byte %d; allowed are letters, digits, and after the first also _ and -", what, s, c, i)
	}
	return nil
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}
