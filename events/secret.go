package events

import "fmt"

// A Secret is text that must not be shown: it is masked wherever it is printed,
// logged or encoded. Only [Secret.Reveal] returns it.
type Secret string

const masked = "****"

// KeyRefused is the message for every API key that is not accepted, whatever the
// reason is, so that nothing can be probed.
const KeyRefused = "the API key is missing or not valid"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String, GoString, Format and MarshalText return a mask.
func (s Secret) String() string               { return masked }
func (s Secret) GoString() string             { return masked }
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(masked)) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
