package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/names"
)

// alarm is one alarm; what it says ends with the command that answers it.
type alarm struct {
	name    string
	says    string
	do      string
	metric  awscloudwatch.IMetric
	from    float64 // the first value that is wrong
	periods float64 // for how many periods
	silence awscloudwatch.TreatMissingData
}

const (
	quiet = awscloudwatch.TreatMissingData_NOT_BREACHING
	wrong = awscloudwatch.TreatMissingData_BREACHING
	// unchanged keeps the alarm's state while no relay reports.
	unchanged = awscloudwatch.TreatMissingData_IGNORE
)

// Thresholds that are a matter of opinion.
const (
	lagLimit           = 120_000 // ms: R31 promises that the relay publishes within two minutes
	keyRejections      = 50      // in 5 minutes
	tenantOutput       = 6_000   // entries of one tenant in 5 minutes
	bufferWait         = 300     // seconds
	faultsTolerated    = 5       // in 5 minutes: a throttle or two mends itself
	rejections         = 1_000   // in 5 minutes, of all tenants
	throttlesTolerated = 10      // in 5 minutes: retries absorb them
	asyncAge           = 300_000 // ms that Lambda keeps events before it runs the function
)

// alarms are those of a deployment; doc/operations.md has a section for each.
func alarms(c Config, m *metrics) []alarm {
	list := []alarm{
		{"errors", "the function fails, and Lambda tries again", "the saved query faults names the call that fails",
			m.lambda("Errors", sum, 5), faultsTolerated, 1, quiet},
		{"throttles", "the function is throttled: its concurrency is used up", "raise reservedConcurrency or the account's limit, or deploy with inputBuffer=sqs",
			m.lambda("Throttles", sum, 1), 1, 5, quiet},
		{"input-dead-letters", "events are in the rule's dead-letter queue " + c.Environment.Name(names.InputDLQ), "eventrouter dead-letters list --aws, then dead-letters retry",
			depth(m.rule.DeadLetters), 1, 1, quiet},
		{"failures", "events on which the function failed for good are in " + c.Environment.Name(names.FailureQueue), "mend the cause (saved query faults), then eventrouter dead-letters retry --aws",
			depth(m.failures.Queue), 1, 1, quiet},
		{"undelivered", "events were lost: the rule could reach neither target nor dead-letter queue", "eventrouter doctor --aws; then replay the archive",
			m.undelivered(c), 1, 1, quiet},
		{"relay-lag", "entries wait for longer than two minutes, or the relay does not run", "eventrouter entries list --state pending --aws",
			m.router("RelayLag", maximum, 1), lagLimit, 5, wrong},
		{"entries-failed", "output events cannot be published and wait for an operator", "eventrouter entries list --state failed --aws, then entries retry or entries drop",
			m.router("FailedRecords", maximum, 1), 1, 1, unchanged},
		{"tenant-files", "a tenant's file is malformed: its last good version is used, or its requests fail", "the saved query tenant-files names file and line; correct it and run: eventrouter tenant push",
			m.router("TenantFileErrors", sum, 5), 1, 1, quiet},
		{"buses-gone", "output rules name buses of this account that are not there; their entries wait", "the saved query relay names them; make the bus, or change the rule",
			m.router("BusesGone", maximum, 5), 1, 2, quiet},
		{"key-rejections", "many requests come with a wrong API key", "the saved query rejections: which key ids, which tenants",
			m.router("KeyRejections", sum, 5), keyRejections, 1, quiet},
		{"output-rate", "one tenant publishes very much, perhaps by a loop through a third system", "the saved query busiest-tenants; switch eventbridge-input off for the tenant",
			m.busiestTenant("EntriesPublished", 5), tenantOutput, 1, quiet},
		{"rejections", "many requests are rejected", "the saved query rejections: which tenants, which codes",
			m.router("Rejections", sum, 5), rejections, 1, quiet},
		{"events-dropped", "Lambda gave up events that the function did not get to, within six hours or three attempts", "eventrouter dead-letters retry --aws: they are in the failure queue",
			m.lambda("AsyncEventsDropped", sum, 5), 1, 1, quiet},
		{"event-age", "events wait for minutes in Lambda's own queue", "raise reservedConcurrency or the account's limit, or deploy with inputBuffer=sqs",
			m.lambda("AsyncEventAge", maximum, 5), asyncAge, 2, quiet},
		{"failures-undelivered", "failed events could not be sent to " + c.Environment.Name(names.FailureQueue) + " and are lost to it", "eventrouter doctor --aws; then replay the archive",
			m.lambda("DestinationDeliveryFailures", sum, 5), 1, 1, quiet},
		{"table-throttles", "DynamoDB throttles the table", "raise its throughput limits, see doc/operations.md",
			m.throttles(nil), throttlesTolerated, 3, quiet},
		{"index-throttles", "DynamoDB throttles the index of open commits", "raise its throughput limits, see doc/operations.md",
			m.throttles(jsii.String(names.Index)), throttlesTolerated, 3, quiet},
	}
	if m.api != nil {
		list = append(list, alarm{"api-errors", "the HTTP API returns 5xx", "the saved query faults; the API's log names the requests",
			m.api5xx(), faultsTolerated, 1, quiet})
	}
	if m.rule.Buffer != nil {
		list = append(list, alarm{"buffer-age", "events wait in the buffer for long", "raise reservedConcurrency",
			age(m.rule.Buffer), bufferWait, 5, quiet})
	}
	return list
}

func (a alarm) create(scope constructs.Construct, c Config, topic awssns.Topic) awscloudwatch.Alarm {
	made := awscloudwatch.NewAlarm(scope, jsii.String("Alarm-"+a.name), &awscloudwatch.AlarmProps{
		AlarmName:          jsii.String(c.Environment.Alarm(a.name)),
		AlarmDescription:   jsii.String(fmt.Sprintf("%s. Do: %s. See doc/operations.md#%s", a.says, a.do, a.name)),
		Metric:             a.metric,
		Threshold:          jsii.Number(a.from),
		EvaluationPeriods:  jsii.Number(a.periods),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		TreatMissingData:   a.silence,
	})
	action := awscloudwatchactions.NewSnsAction(topic)
	made.AddAlarmAction(action)
	made.AddOkAction(action)
	return made
}
