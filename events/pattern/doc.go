// Package pattern matches events by EventBridge's event patterns, exactly as
// EventBridge does, and explains why an event matches or does not.
//
//	p, err := pattern.Compile([]byte(`{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}`))
//	...
//	event, err := pattern.Parse(payload)
//	...
//	if p.Match(event) { ... }
//
// [Compile] rejects the patterns that AWS rejects, with AWS's messages. [Admit] also
// applies the limits of the service. A [Matcher] holds many patterns and finds those
// that match in a time that hardly depends on their number. [Explain] explains the
// result for one pattern and one event.
//
// doc/patterns.md specifies the language.
//
// A [Pattern] and an [Event] are immutable; they, and a [Matcher], may be used
// by many goroutines concurrently. No function panics on bad input, and the cost of an
// input is about proportional to its size: nesting, numbers and $or have the limits
// that AWS applies.
package pattern
