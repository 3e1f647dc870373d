package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/interfaces/interfacesawscloudwatch"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

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
	board := awscloudwatch.NewDashboard(scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: jsii.String(c.Environment.Dashboard())})
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
