// Package pattern matches events by EventBridge's event patterns, exactly as
// EventBridge does, and says why an event matches or does not.
//
//	p, err := pattern.Compile([]byte(`{"source": ["shop"], "detail": {"total": [{"numeric": [">", 100]}]}}`))
//	...
//	event, err := pattern.Parse(payload)
//	...
//	if p.Match(event) { ... }
//
// [Compile] refuses what AWS refuses, in AWS's words. [Admit] also applies the
// limits of the service. A [Matcher] holds many patterns and finds those that
// match in a time that hardly depends on their number. [Explain] tells the
// story of one pattern and one event.
//
// doc/patterns.md specifies the language.
//
// A [Pattern] and an [Event] are immutable; they, and a [Matcher], may be used
// by many goroutines at once. Nothing here panics on bad input, and no input
// costs much more than its size: nesting, numbers and $or are bounded as AWS
// bounds them.
package pattern
