package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// allowPublishing lets the function put events on the account's default bus and
// on those of the allow-list, and on no other. Never as an input event: no
// output rule can make the router feed itself.
func allowPublishing(scope constructs.Construct, role awsiam.Role, buses []OutputBus) {
	open := []*string{defaultBusARN(scope)}
	for i, b := range buses {
		if len(b.Sources) == 0 {
			open = append(open, jsii.String(b.ARN))
			continue
		}
		allowIf(role, fmt.Sprintf("Publish%d", i+1), map[string]any{
			"StringEquals": map[string]any{"events:source": b.Sources},
		}, []*string{jsii.String(b.ARN)}, "events:PutEvents")
	}
	allowIf(role, "Publish", map[string]any{
		"StringNotEquals": map[string]any{"events:source": deployment.InputSource},
	}, open, "events:PutEvents")
	// PutEvents to a bus that is gone answers success: the relay looks (R34).
	// IAM knows no resource for a list of all buses.
	allow(role, "LookForBuses", *jsii.Strings("*"), "events:ListEventBuses")
}
