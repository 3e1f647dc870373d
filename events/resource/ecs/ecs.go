// Package ecs leads from ECS's events to its resources.
package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	ecsevents "github.com/blockforger/eventrouter/events/aws/ecs"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *ecs.Client { return ecs.NewFromConfig(cfg) }

// ContainerInstance reads the container instance whose state changed.
func ContainerInstance(ctx context.Context, c *resource.Clients[*ecs.Client], e *typed.Event[ecsevents.ContainerInstanceStateChange]) (types.ContainerInstance, error) {
	const op = "ecs.ContainerInstance"
	arn, cluster := string(e.Detail.ContainerInstanceARN), string(e.Detail.ClusterARN)
	if arn == "" || cluster == "" {
		return types.ContainerInstance{}, resource.Unnamed("container instance and cluster")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return types.ContainerInstance{}, err
	}
	found, err := client.DescribeContainerInstances(ctx, &ecs.DescribeContainerInstancesInput{
		Cluster: &cluster, ContainerInstances: []string{arn}})
	if err != nil {
		return types.ContainerInstance{}, resource.Failed(op, "container instance "+arn, err, "ClusterNotFoundException")
	}
	for _, i := range found.ContainerInstances {
		if aws.ToString(i.ContainerInstanceArn) == arn {
			return i, nil
		}
	}
	return types.ContainerInstance{}, resource.Gone(op, "container instance "+arn)
}
