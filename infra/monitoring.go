package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// NewObservability is what an operator has: alarms that say what to do, one
// dashboard, and saved queries of the log.
func NewObservability(parent constructs.Construct, c Config, key awskms.Key, f, relay *Function, rule *InputRule, failures *FailureQueue, backend *Backend, api *API) {
	scope := constructs.NewConstruct(parent, jsii.String("Observability"))
	topic := newAlarmTopic(scope, c, key)
	m := &metrics{environment: string(c.Environment), function: f, rule: rule, failures: failures, table: backend.Table.TableName()}
	if api != nil {
		m.api = api.ID
	}
	var made []awscloudwatch.IAlarm
	for _, a := range alarms(c, m) {
		made = append(made, a.create(scope, c, topic))
	}
	newDashboard(scope, c, m, made)
	newQueries(scope, c, f, relay)
}

// newAlarmTopic is where alarms go; an e-mail address is one of those who may
// listen.
func newAlarmTopic(scope constructs.Construct, c Config, key awskms.Key) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String("Alarms"), &awssns.TopicProps{
		TopicName:  jsii.String(c.Environment.Name(names.AlarmTopic)),
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

// metrics names what alarms and dashboard look at: what the router writes with
// its log lines (package lambda, embedded metric format), and AWS's own.
type metrics struct {
	environment string
	function    *Function
	rule        *InputRule
	failures    *FailureQueue
	table       *string // its name
	api         *string // its id; nil: there is none
}

const (
	sum     = "Sum"
	maximum = "Maximum"
)

// router is a metric of the router's own, over all tenants.
func (m *metrics) router(name, statistic string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace:     jsii.String(names.MetricNamespace),
		MetricName:    jsii.String(name),
		DimensionsMap: &map[string]*string{"environment": jsii.String(m.environment)},
		Statistic:     jsii.String(statistic),
		Period:        minutesLong(minutes),
	})
}

// busiestTenant is the metric of the one tenant that has most of it.
func (m *metrics) busiestTenant(name string, minutes float64) awscloudwatch.IMetric {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: jsii.String(`SELECT SUM(` + name + `) FROM SCHEMA("` + names.MetricNamespace + `", environment, tenant) ` +
			`WHERE environment = '` + m.environment + `' GROUP BY tenant ORDER BY SUM() DESC LIMIT 1`),
		Label:  jsii.String(name + " of the busiest tenant"),
		Period: minutesLong(minutes),
	})
}

// lambda is one of Lambda's metrics of the function.
func (m *metrics) lambda(name, statistic string, minutes float64) awscloudwatch.IMetric {
	return m.function.lambda.Metric(jsii.String(name), &awscloudwatch.MetricOptions{Statistic: jsii.String(statistic), Period: minutesLong(minutes)})
}

// throttles counts the requests that DynamoDB refused because of their rate, to
// the table itself or to an index.
func (m *metrics) throttles(index *string) awscloudwatch.IMetric {
	dimensions := map[string]*string{"TableName": m.table}
	if index != nil {
		dimensions["GlobalSecondaryIndexName"] = index
	}
	of := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/DynamoDB"), MetricName: jsii.String(name), DimensionsMap: &dimensions,
			Statistic: jsii.String(sum), Period: minutesLong(5),
		})
	}
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression:   jsii.String("FILL(r, 0) + FILL(w, 0)"),
		UsingMetrics: &map[string]awscloudwatch.IMetric{"r": of("ReadThrottleEvents"), "w": of("WriteThrottleEvents")},
		Label:        jsii.String("throttled requests"),
		Period:       minutesLong(5),
	})
}

// api5xx counts the requests that the API returned 5xx for.
func (m *metrics) api5xx() awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/ApiGateway"), MetricName: jsii.String("5xx"),
		DimensionsMap: &map[string]*string{"ApiId": m.api}, Statistic: jsii.String(sum), Period: minutesLong(5),
	})
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
	dimensions := map[string]*string{"RuleName": jsii.String(c.Environment.Name(names.InputRule))}
	if c.InputBus.Name != names.DefaultBus {
		dimensions["EventBusName"] = jsii.String(c.InputBus.Name)
	}
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/Events"), MetricName: jsii.String("InvocationsFailedToBeSentToDlq"),
		DimensionsMap: &dimensions, Statistic: jsii.String(sum), Period: minutesLong(5),
	})
}

func minutesLong(n float64) awscdk.Duration { return awscdk.Duration_Minutes(jsii.Number(n)) }

// newDashboard shows the way of an event from left to right, top to bottom: what
// comes in, what becomes of it, what goes out, and what is left behind.
func newDashboard(scope constructs.Construct, c Config, m *metrics, made []awscloudwatch.IAlarm) {
	refs := make([]interfacesawscloudwatch.IAlarmRef, len(made))
	for i, a := range made {
		refs[i] = a
	}
	left := []awscloudwatch.IMetric{depth(m.rule.DeadLetters), depth(m.failures.Queue)}
	if m.rule.Buffer != nil {
		left = append(left, depth(m.rule.Buffer))
	}
	board := awscloudwatch.NewDashboard(scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(c.Environment.Name(names.Dashboard))})
	board.AddWidgets(awscloudwatch.NewAlarmStatusWidget(&awscloudwatch.AlarmStatusWidgetProps{
		Title: jsii.String("Alarms"), Alarms: &refs, Width: jsii.Number(24),
	}))
	board.AddWidgets(
		graph("Requests", m.router("Requests", sum, 1), m.router("Rejections", sum, 1), m.router("KeyRejections", sum, 1), m.router("Faults", sum, 1)),
		graph("Duration (ms)", m.router("Duration", "p50", 1), m.router("Duration", "p99", 1), m.router("Duration", maximum, 1)),
		graph("Function", m.lambda("Invocations", sum, 1), m.lambda("Errors", sum, 1), m.lambda("Throttles", sum, 1), m.lambda("ConcurrentExecutions", maximum, 1)),
	)
	board.AddWidgets(
		graph("Entries", m.router("EntriesPublished", sum, 1), m.router("EntriesPending", sum, 1), m.router("EntriesFailed", sum, 1)),
		graph("Relay lag (ms)", m.router("RelayLag", maximum, 1)),
		graph("Waiting messages", left...),
	)
	board.AddWidgets(graph("Tokens", m.router("Tokens", sum, 60)), graph("Busiest tenant", m.busiestTenant("EntriesPublished", 5)))
}

func graph(title string, lines ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Left: &lines, Width: jsii.Number(8)})
}

// queries are saved in Logs Insights. Words in capitals are for the person to
// fill in.
var queries = []struct{ name, text string }{
	{"one-event", `filter eventId = "EVENT_ID"
| sort @timestamp asc`},
	{"rejections", `filter outcome = "rejected" and tenant = "TENANT"
| fields @timestamp, status, code, schema, operation, keyId, eventId, error
| sort @timestamp desc
| limit 1000`},
	{"faults", `filter outcome = "fault"
| fields @timestamp, tenant, schema, operation, eventId, requestId, error
| sort @timestamp desc
| limit 1000`},
	{"tenant-files", `filter msg = "tenant file"
| fields @timestamp, level, file, line, column, error
| sort @timestamp desc
| limit 1000`},
	{"slowest", `filter Requests = 1
| fields @timestamp, Duration, tenant, schema, operation, coldStart, eventId, requestId
| sort Duration desc
| limit 100`},
	{"busiest-tenants", `filter Requests = 1
| stats count() as requests, sum(EntriesPublished) as published, sum(Tokens) as tokens by tenant
| sort published desc`},
	{"relay", `filter msg = "relay"
| fields @timestamp, RelayLag, RelayMarks, EntriesPublished, EntriesPending, EntriesFailed, FailedRecords, error
| sort @timestamp desc
| limit 200`},
	{"cold-starts", `filter Requests = 1
| stats count() as requests, sum(coldStart) as cold, pct(Duration, 50) as p50, pct(Duration, 99) as p99 by bin(1h)`},
}

func newQueries(scope constructs.Construct, c Config, f, relay *Function) {
	for _, q := range queries {
		awslogs.NewCfnQueryDefinition(scope, jsii.String("Query-"+q.name), &awslogs.CfnQueryDefinitionProps{
			Name:          jsii.String(c.Environment.Query(q.name)),
			QueryString:   jsii.String(q.text),
			LogGroupNames: &[]any{jsii.String(names.LogGroup(f.name)), jsii.String(names.LogGroup(relay.name))},
		})
	}
}
