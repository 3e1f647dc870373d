// Package aws composes the events of all AWS services that this module knows.
//
//	registry := aws.Registry().With(typed.OutputEvents("acme.pets"), mine)
//	event, err := registry.Decode(envelope)
//
// Each service has a package of its own below this one, most of it generated
// by "eventrouter events"; a program that needs few services imports those
// alone. See doc/typed-events.md for how to add one.
package aws

import (
	"maps"

	"github.com/blockforger/eventrouter/events/aws/codecommit"
	"github.com/blockforger/eventrouter/events/aws/codepipeline"
	"github.com/blockforger/eventrouter/events/aws/ec2"
	"github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/aws/s3"
	"github.com/blockforger/eventrouter/events/aws/ssm"
	"github.com/blockforger/eventrouter/events/typed"
)

// Events knows the events of every service that has a package below this one.
func Events() typed.Map {
	all := make(typed.Map)
	for _, service := range []typed.Map{
		codecommit.Events(),
		codepipeline.Events(),
		ec2.Events(),
		ecs.Events(),
		s3.Events(),
		ssm.Events(),
	} {
		maps.Copy(all, service)
	}
	return all
}

// Registry is the default registry: AWS's events and the router's own.
func Registry() *typed.Registry {
	return typed.NewRegistry(Events(), typed.RouterEvents())
}
