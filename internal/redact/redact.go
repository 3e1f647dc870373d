// Package redact masks API keys in text that is shown or logged. The router
// never logs a key, but a sender can write its key into any member of an event;
// every text that comes from an event is therefore redacted before it is shown.
package redact

import "strings"

// prefix opens every API key; see package tenant for the whole form.
const prefix = "erk_"

// APIKeys replaces everything that has the form of an API key, or of the beginning
// of one, by the prefix and a mask. Other text is returned unchanged, without a
// copy.
func APIKeys(s string) string {
	at := strings.Index(s, prefix)
	if at < 0 {
		return s
	}
	var b strings.Builder
	for at >= 0 {
		b.WriteString(s[:at] + prefix + "****")
		s = strings.TrimLeft(s[at+len(prefix):], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
		at = strings.Index(s, prefix)
	}
	b.WriteString(s)
	return b.String()
}
