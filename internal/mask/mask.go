// Package mask hides API keys in text that is about to be shown. Nothing of
// ours writes a key to a log; a sender can write its own into any member of an
// event, and what is shown of an event passes through here.
package mask

import "strings"

// prefix opens every API key; see package tenant for the whole form.
const prefix = "erk_"

// Keys replaces whatever looks like an API key, or like the beginning of one,
// by its prefix and a mask. Other text comes back as it is, without a copy.
func Keys(s string) string {
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
