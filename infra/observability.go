package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewObservability is what an operator has: alarms that say what to do, one
// dashboard, and saved queries of the log.
func NewObservability(parent constructs.Construct, c Config, key awskms.Key, f *Function, rule *InputRule, failures *FailureQueue) {
	scope := constructs.NewConstruct(parent, jsii.String("Observability"))
	topic := newAlarmTopic(scope, c, key)
	m := &metrics{environment: string(c.Environment), function: f, rule: rule, failures: failures}
	var made []awscloudwatch.IAlarm
	for _, a := range alarms(c, m) {
		made = append(made, a.create(scope, c, topic))
	}
	newDashboard(scope, c, m, made)
	newQueries(scope, c, f)
}

// newAlarmTopic is where alarms go; an e-mail address is one of those who may
// listen.
func newAlarmTopic(scope constructs.Construct, c Config, key awskms.Key) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName:  jsii.String(c.Environment.AlarmTopic()),
		MasterKey:  key,
		EnforceSSL: jsii.Bool(true),
	})
	condition := fromOwnAccount(scope)
	condition["ArnLike"] = map[string]any{"aws:SourceArn": named(scope, "cloudwatch", "alarm", c.Environment.Alarm("*"))}
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("FromAlarms"),
		Principals: &[]awsiam.IPrincipal{service("cloudwatch")},
		Actions:    jsii.Strings("sns:Publish"),
		Resources:  &[]*string{topic.TopicArn()},
		Conditions: &condition,
	}))
	if c.AlarmEmail != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(c.AlarmEmail), nil))
	}
	return topic
}
