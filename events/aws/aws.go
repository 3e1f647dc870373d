// Package aws composes the events of all AWS services that this module knows.
//
//	registry := aws.Registry().With(typed.OutputEvents("acme.pets"), mine)
//	event, err := registry.Decode(envelope)
//
// The packages are generated from AWS's service specification by "make
// events-aws", with helpers written by hand beside. A program that needs few
// services imports those packages alone, and links nothing of the others. See
// doc/typed-events.md for the list of kinds, and for how to add one.
package aws

import (
	"maps"

	"github.com/blockforger/eventrouter/events/typed"
)

// Events returns the map of all kinds of the packages below this one.
func Events() typed.Map {
	all := make(typed.Map)
	for _, service := range services {
		maps.Copy(all, service())
	}
	return all
}

// Registry returns the default registry: AWS's events and the router's own.
func Registry() *typed.Registry {
	return typed.NewRegistry(Events(), typed.RouterEvents())
}
