package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// arn names a resource in the stack's own account and region. Names are known
// before the resources are, so that policies can tell each other apart without
// a circle of references.
func arn(scope constructs.Construct, service, resource, name string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
	})
}

// named is arn where a colon stands before the name.
func named(scope constructs.Construct, service, resource, name string) *string {
	return awscdk.Stack_Of(scope).FormatArn(&awscdk.ArnComponents{
		Service: jsii.String(service), Resource: jsii.String(resource), ResourceName: jsii.String(name),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}

// defaultBusARN is the account's own default bus.
func defaultBusARN(scope constructs.Construct) *string {
	return arn(scope, "events", "event-bus", "default")
}

// fromOwnAccount is the condition that keeps a service from being talked into
// using its rights for another account (the confused deputy).
func fromOwnAccount(scope constructs.Construct) map[string]any {
	return map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()}}
}
