// Package ec2 leads from EC2's events to its resources.
package ec2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	ec2events "github.com/blockforger/eventrouter/events/aws/ec2"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *ec2.Client { return ec2.NewFromConfig(cfg) }

// Instance reads the instance whose state changed. A terminated one is there
// for about an hour.
func Instance(ctx context.Context, c *resource.Clients[*ec2.Client], e *typed.Event[ec2events.InstanceStateChangeNotification]) (types.Instance, error) {
	const op = "ec2.Instance"
	id := e.Detail.InstanceID
	if id == "" {
		return types.Instance{}, resource.Unnamed("instance")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.Instance{}, err
	}
	found, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		return types.Instance{}, resource.Failed(op, "instance "+id, err, "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")
	}
	for _, r := range found.Reservations {
		for _, i := range r.Instances {
			if aws.ToString(i.InstanceId) == id {
				return i, nil
			}
		}
	}
	return types.Instance{}, resource.Gone(op, "instance "+id)
}
