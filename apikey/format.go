package apikey

import (
	"crypto/sha256"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/blockforger/eventrouter/events"
	"github.com/blockforger/eventrouter/fault"
)

// The text of an API key is
//
//	erk_{id}_{secret}{checksum}
//
// in letters and digits: 16 of the id, 43 of the secret (62^43 is more than
// 2^256), and 6 of the checksum, the CRC-32 (IEEE) of all before it in base 62,
// most significant first. A scanner that looks for leaked keys can use
// \berk_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}\b and the checksum.
const (
	keyPrefix   = "erk_"
	idLength    = 16
	secretLen   = 43
	checksumLen = 6
	keyLength   = len(keyPrefix) + idLength + len("_") + secretLen + checksumLen

	base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// New makes an API key that expires at a time, or never where that is zero.
// The secret is the only copy of its text. random must be a cryptographic
// source, such as crypto/rand's Reader. The fault is Invalid, or Internal where
// random fails.
func New(t events.TenantID, permissions []Permission, expires, now time.Time, random io.Reader) (Key, events.Secret, error) {
	if _, err := events.ParseTenantID(string(t)); err != nil {
		return Key{}, "", err
	}
	if len(permissions) == 0 {
		return Key{}, "", fault.Errorf(fault.Invalid, "an API key needs a permission: %s or %s", BackendCalls, ReadOnly)
	}
	for _, p := range permissions {
		if _, err := ParsePermission(string(p)); err != nil {
			return Key{}, "", err
		}
	}
	if !expires.IsZero() && !expires.After(now) {
		return Key{}, "", fault.Errorf(fault.Invalid, "an API key must expire in the future, not at %s", expires.UTC().Format(time.RFC3339))
	}
	drawn, err := draw(random, idLength+secretLen)
	if err != nil {
		return Key{}, "", fault.Wrap("apikey.New", fault.Internal, err)
	}
	id := drawn[:idLength]
	text := keyPrefix + id + "_" + drawn[idLength:]
	text += checksum(text)
	return Key{
		ID: ID(id), Tenant: t, Permissions: slices.Clone(permissions),
		Hash: sha256.Sum256([]byte(text)), Created: now, Expires: expires,
	}, events.Secret(text), nil
}

// draw returns n characters of base62, each as likely as the other.
func draw(random io.Reader, n int) (string, error) {
	out := make([]byte, 0, n)
	buf := make([]byte, n)
	for len(out) < n {
		if _, err := io.ReadFull(random, buf); err != nil {
			return "", err
		}
		for _, b := range buf {
			// 248 is the largest multiple of 62 in a byte: beyond it the
			// remainder would favour the first characters.
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out), nil
}

func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	out := make([]byte, checksumLen)
	for i := range out {
		out[checksumLen-1-i] = base62[sum%62]
		sum /= 62
	}
	return string(out)
}

// Parse takes the text of an API key apart, without any I/O: its id, and
// the SHA-256 of the text, which is what is stored. The fault is Invalid and
// quotes nothing.
func Parse(s events.Secret) (id ID, hash [32]byte, err error) {
	text := s.Reveal()
	body, sum := "", ""
	if len(text) == keyLength {
		body, sum = text[:keyLength-checksumLen], text[keyLength-checksumLen:]
	}
	rest, typed := strings.CutPrefix(body, keyPrefix)
	given, secret, parted := strings.Cut(rest, "_")
	if !typed || !parted || len(given) != idLength || !isBase62(given) || !isBase62(secret) || checksum(body) != sum {
		return "", [32]byte{}, fault.Errorf(fault.Invalid, "the API key is malformed")
	}
	return ID(given), sha256.Sum256([]byte(text)), nil
}

// ParseID checks the id of a key. The fault is Invalid.
func ParseID(s string) (ID, error) {
	if len(s) != idLength || !isBase62(s) {
		return "", fault.Errorf(fault.Invalid, "a key id has %d letters and digits", idLength)
	}
	return ID(s), nil
}

func isBase62(s string) bool {
	for i := range len(s) {
		if strings.IndexByte(base62, s[i]) < 0 {
			return false
		}
	}
	return true
}

// ParsePermission checks the name of a permission. The fault is Invalid.
func ParsePermission(s string) (Permission, error) {
	switch p := Permission(s); p {
	case BackendCalls, ReadOnly:
		return p, nil
	}
	return "", fault.Errorf(fault.Invalid, "permission %q is unknown; known are %s and %s", s, BackendCalls, ReadOnly)
}

// Allows reports whether the key has a permission. Who may make all backend
// calls may read.
func (k Key) Allows(p Permission) bool {
	return slices.Contains(k.Permissions, p) ||
		p == ReadOnly && slices.Contains(k.Permissions, BackendCalls)
}

// Active reports whether the key is neither revoked nor expired.
func (k Key) Active(now time.Time) bool { return k.inactive(now) == "" }

func (k Key) inactive(now time.Time) (reason string) {
	switch {
	case !k.Revoked.IsZero() && !now.Before(k.Revoked):
		return "is revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "is expired"
	}
	return ""
}
