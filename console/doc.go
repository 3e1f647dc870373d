// Package console is a web console for `eventrouter serve`: it shows the events of a
// server as they arrive, what happened to each, and the records, tenants, buses and
// problems behind them.
//
//	handler := console.New(console.Config{Admin: a, Files: tree, EventBridge: client, URL: url})
//
// Pages are rendered on the server by html/template. One style sheet and one script are
// embedded; nothing is loaded from elsewhere, and the Content-Security-Policy allows no
// inline script or style.
//
// # Security
//
// The console is served to peers on this machine only, at a host name that means this
// machine, and to no page of another origin. A visitor needs the token in the URL that
// the server prints when it starts; it is exchanged for a cookie with SameSite=Strict.
// Every form holds a token that is bound to the cookie. API keys are masked in all that
// is shown; a new key is shown once.
//
// A Handler is safe for concurrent use.
package console
