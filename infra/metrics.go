package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

// metrics names what alarms and dashboard look at: what the router writes with
// its log lines (package lambda, embedded metric format), and AWS's own.
type metrics struct {
	environment string
	function    *Function
	rule        *InputRule
	failures    *FailureQueue
}

const (
	sum     = "Sum"
	maximum = "Maximum"
)

// router is a metric of the router's own, over all tenants.
func (m *metrics) router(name, statistic string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(deployment.MetricNamespace),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{"environment": jsii.String(m.environment)},
		Statistic:     jsii.String(statistic),
		Period:        minutesLong(minutes),
	})
}

// busiestTenant is the metric of the one tenant that has most of it.
func (m *metrics) busiestTenant(name string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(`SELECT SUM(` + name + `) FROM SCHEMA("` + deployment.MetricNamespace + `", environment, tenant) ` +
			`WHERE environment = '` + m.environment + `' GROUP BY tenant ORDER BY SUM() DESC LIMIT 1`),
		Label:  jsii.String(name + " of the busiest tenant"),
		Period: minutesLong(minutes),
	})
}

// lambda is one of Lambda's metrics of the function.
func (m *metrics) lambda(name, statistic string, minutes float64) awscloudwatch.IMetric {
	return m.function.lambda.Metric(jsii.String(name), &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: minutesLong(minutes)})
}

// depth is how many messages wait in a queue.
func depth(q awssqs.Queue) awscloudwatch.IMetric {
	return q.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{Statistic: jsii.String(maximum), Period: minutesLong(1)})
}

// age is for how long the oldest message has waited.
func age(q awssqs.Queue) awscloudwatch.IMetric {
	return q.MetricApproximateAgeOfOldestMessage(&awscloudwatch.MetricOptions{Statistic: jsii.String(maximum), Period: minutesLong(1)})
}

// undelivered counts the events that the rule could not deliver at all, not even
// to its dead-letter queue.
func (m *metrics) undelivered(c Config) awscloudwatch.IMetric {
	dimensions := map[string]*string{"RuleName": jsii.String(c.Environment.InputRule())}
	if c.DedicatedBus {
		dimensions["EventBusName"] = jsii.String(c.Environment.InputBus())
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/Events"), MetricName: jsii.String("InvocationsFailedToBeSentToDlq"),
		DimensionsMap: &dimensions, Statistic: jsii.String(sum), Period: minutesLong(5),
	})
}

func minutesLong(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }
