package events

import "fmt"

// A Secret is text that must never be shown: it masks itself wherever it is
// printed, logged or encoded. [Secret.Reveal] is the one way to it.
type Secret string

const masked = "****"

// KeyRefused is what a caller is told of an API key, whatever was wrong with
// it, so that nothing can be probed.
const KeyRefused = "the API key is missing or not valid"

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// String, GoString, Format and MarshalText all answer a mask.
func (s Secret) String() string               { return masked }
func (s Secret) GoString() string             { return masked }
func (s Secret) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(masked)) }
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
