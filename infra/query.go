package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/blockforger/eventrouter/internal/deployment"
)

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
	{"slowest", `filter Requests = 1
| fields @timestamp, Duration, tenant, schema, operation, coldStart, eventId, requestId
| sort Duration desc
| limit 100`},
	{"busiest-tenants", `filter Requests = 1
| stats count() as requests, sum(EntriesPublished) as published, sum(Tokens) as tokens by tenant
| sort published desc`},
	{"relay", `filter msg = "relay"
| fields @timestamp, RelayLag, RelayMarks, EntriesPublished, EntriesPending, EntriesFailed, error
| sort @timestamp desc
| limit 200`},
	{"cold-starts", `filter Requests = 1
| stats count() as requests, sum(coldStart) as cold, pct(Duration, 50) as p50, pct(Duration, 99) as p99 by bin(1h)`},
}

func newQueries(scope constructs.Construct, c Config, f *Function) {
	for _, q := range queries {
		awslogs.NewCfnQueryDefinition(scope, jsii.String("Query-"+q.name), &awslogs.CfnQueryDefinitionProps{
			Name:          jsii.String(c.Environment.Query(q.name)),
			QueryString:   jsii.String(q.text),
			LogGroupNames: &[]any{jsii.String(deployment.LogGroup(f.name))},
		})
	}
}
