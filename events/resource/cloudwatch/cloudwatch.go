// Package cloudwatch leads from CloudWatch's events to its alarms.
package cloudwatch

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	cloudwatchevents "github.com/blockforger/eventrouter/events/aws/cloudwatch"
	"github.com/blockforger/eventrouter/events/resource"
	"github.com/blockforger/eventrouter/events/typed"
)

// New makes a client, for [resource.NewClients].
func New(cfg aws.Config) *cloudwatch.Client { return cloudwatch.NewFromConfig(cfg) }

// Alarm reads the metric alarm or the composite alarm whose state changed; of the
// two one is set.
func Alarm(ctx context.Context, c *resource.Clients[*cloudwatch.Client], e *typed.Event[cloudwatchevents.AlarmStateChange]) (*types.MetricAlarm, *types.CompositeAlarm, error) {
	const op = "cloudwatch.Alarm"
	name := e.Detail.AlarmName
	if name == "" {
		return nil, nil, resource.Unnamed("alarm")
	}
	client, err := c.For(ctx, e.Raw())
	if err != nil {
		return nil, nil, err
	}
	found, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: []string{name},
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}})
	switch {
	case err != nil:
		return nil, nil, resource.Failed(op, "alarm "+name, err)
	case len(found.MetricAlarms) > 0:
		return &found.MetricAlarms[0], nil, nil
	case len(found.CompositeAlarms) > 0:
		return nil, &found.CompositeAlarms[0], nil
	}
	return nil, nil, resource.Gone(op, "alarm "+name)
}
