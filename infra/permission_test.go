package main

import (
	"slices"
	"strings"
	"testing"
)

// TestNoWildcardActions: R75, in every statement that allows something.
func TestNoWildcardActions(t *testing.T) {
	for _, tt := range []template{plain(), complete()} {
		n := 0
		for _, s := range tt.statements() {
			if s.body["Effect"] != "Allow" {
				continue
			}
			n++
			for _, a := range s.actions() {
				if strings.Contains(text(a), "*") {
					t.Errorf("%s, statement %s allows %v", s.owner, s.sid(), a)
				}
			}
			if s.body["NotAction"] != nil || s.body["NotResource"] != nil || s.body["NotPrincipal"] != nil {
				t.Errorf("%s, statement %s allows by exception", s.owner, s.sid())
			}
		}
		if n < 15 {
			t.Errorf("only %d statements were looked at", n)
		}
	}
}

// TestWildcardResources: a role's statement names what it is about, but for
// actions that know no resource.
func TestWildcardResources(t *testing.T) {
	for _, s := range complete().statements() {
		if s.kind != "AWS::IAM::Policy" {
			continue
		}
		for _, r := range list(s.body["Resource"]) {
			if a := text(s.body["Action"]); text(r) == "*" && a != "xray:PutTraceSegments, xray:PutTelemetryRecords" {
				t.Errorf("%s, statement %s is about everything", s.owner, s.sid())
			}
		}
	}
}

// unconditional are statements for services that send no condition key: AWS
// documents them without a condition.
var unconditional = []string{"QueuesFromRules", "ArchiveLooks"}

// TestConfusedDeputy: wherever a service is trusted, it is for our own account
// alone, or for a resource that lies in it.
func TestConfusedDeputy(t *testing.T) {
	for _, tt := range []template{plain(), complete()} {
		for _, s := range tt.statements() {
			if s.principal() == "" || s.body["Effect"] != "Allow" {
				continue
			}
			if slices.Contains(unconditional, s.sid()) {
				if s.body["Condition"] != nil {
					t.Errorf("%s, statement %s has a condition that the service may not send: %v", s.owner, s.sid(), s.body["Condition"])
				}
				continue
			}
			account := text(at(s.body, "Condition", "StringEquals", "aws:SourceAccount"))
			context := text(at(s.body, "Condition", "StringEquals", "kms:EncryptionContext:aws:events:event-bus:arn"))
			if account != "${AccountId}" && !strings.Contains(context, ":${AccountId}:event-bus/") {
				t.Errorf("%s, statement %s trusts %s for whomever: %v", s.owner, s.sid(), s.principal(), s.body["Condition"])
			}
		}
		for id, p := range tt.of("AWS::Lambda::Permission") {
			account := text(at(p, "Properties", "SourceAccount"))
			if text(at(p, "Properties", "Principal")) == "apigateway.amazonaws.com" {
				account = "${AccountId}" // API Gateway sends the ARN alone
			}
			if account != "${AccountId}" || !strings.Contains(text(at(p, "Properties", "SourceArn")), ":${AccountId}:") {
				t.Errorf("%s lets %v in for whomever", id, at(p, "Properties", "Principal"))
			}
		}
	}
}

// TestEveryTargetIsPermitted: a rule that may not invoke its target sends every
// event to the dead letters at once.
func TestEveryTargetIsPermitted(t *testing.T) {
	for _, tt := range []template{plain(), complete()} {
		for id, r := range tt.of("AWS::Events::Rule") {
			name := text(at(r, "Properties", "Name"))
			if bus := text(at(r, "Properties", "EventBusName")); bus != "" && bus != "default" {
				name = bus + "/" + name
			}
			rule := "arn:${Partition}:events:${Region}:${AccountId}:rule/" + name
			found := false
			for _, p := range tt.of("AWS::Lambda::Permission") {
				found = found || text(at(p, "Properties", "SourceArn")) == rule && text(at(p, "Properties", "FunctionName")) == text(at(r, "Properties", "Targets", 0, "Arn"))
			}
			for _, s := range tt.statements() {
				found = found || s.kind == "AWS::SQS::QueuePolicy" && text(at(s.body, "Condition", "ArnEquals", "aws:SourceArn")) == rule && text(s.body["Resource"]) == text(at(r, "Properties", "Targets", 0, "Arn"))
			}
			if !found {
				t.Errorf("%s (%s) may not reach its target", id, rule)
			}
		}
	}
}

// TestPublishRights: to the listed buses alone, as the listed sources, and never
// as an input event.
func TestPublishRights(t *testing.T) {
	got := map[string]string{}
	for _, s := range complete().statements() {
		if s.kind == "AWS::IAM::Policy" && text(s.body["Action"]) == "events:PutEvents" {
			got[text(s.body["Resource"])] = text(s.body["Condition"])
		}
	}
	want := map[string]string{
		"arn:${Partition}:events:${Region}:${AccountId}:event-bus/default, arn:aws:events:us-east-1:777788889999:event-bus/orders, arn:aws:events:eu-west-1:777788889999:event-bus/default": `{"StringNotEquals":{"events:source":"blockforger-input"}}`,
		"arn:aws:events:us-east-1:123456789012:event-bus/own": `{"StringEquals":{"events:source":["acme.orders","acme.stock"]}}`,
	}
	if len(got) != len(want) {
		t.Errorf("got %v", got)
	}
	for resource, condition := range want {
		if got[resource] != condition {
			t.Errorf("%s: condition %s, want %s", resource, got[resource], condition)
		}
	}
}

// TestFunctionRights: each action, by the statement that allows it. What is not
// in this list the function may not do.
func TestFunctionRights(t *testing.T) {
	tt := plain()
	table, bucket := onlyID(tt.of("AWS::DynamoDB::Table")), onlyID(tt.of("AWS::S3::Bucket"))
	want := map[string]string{
		"LogOfRelay":   "logs:CreateLogStream, logs:PutLogEvents",
		"Log":          "logs:CreateLogStream, logs:PutLogEvents",
		"":             "xray:PutTraceSegments, xray:PutTelemetryRecords",
		"Ledger":       "dynamodb:BatchGetItem, dynamodb:ConditionCheckItem, dynamodb:GetItem, dynamodb:PutItem, dynamodb:Query, dynamodb:UpdateItem",
		"Backlog":      "dynamodb:Query",
		"TenantFiles":  "s3:GetObject",
		"Records":      "s3:DeleteObject, s3:PutObject",
		"List":         "s3:ListBucket",
		"Publish":      "events:PutEvents",
		"LookForBuses": "events:DescribeEventBus",
		"Failures":     "sqs:SendMessage",
		"QueuesKey":    "kms:Decrypt, kms:GenerateDataKey",
	}
	resources := map[string]string{
		"Ledger":      "${" + table + ".Arn}",
		"Backlog":     "${" + table + ".Arn}/index/open",
		"TenantFiles": "${" + bucket + ".Arn}/schemas/*, ${" + bucket + ".Arn}/data/*",
		"Records":     "${" + bucket + ".Arn}/data/*",
		"List":        "${" + bucket + ".Arn}",
		// The account's own buses, in any region: an output rule may name one of another.
		"LookForBuses": "arn:${Partition}:events:*:${AccountId}:event-bus/*",
	}
	got := 0
	for _, s := range tt.statements() {
		if s.kind != "AWS::IAM::Policy" || !strings.HasPrefix(s.owner, "Router") {
			continue
		}
		got++
		if actions := text(s.body["Action"]); actions != want[s.sid()] {
			t.Errorf("%s allows %s, want %s", s.sid(), actions, want[s.sid()])
		}
		if r := resources[s.sid()]; r != "" && text(s.body["Resource"]) != r {
			t.Errorf("%s is about %s, want %s", s.sid(), text(s.body["Resource"]), r)
		}
	}
	if got != len(want) {
		t.Errorf("%d statements, want %d", got, len(want))
	}
}

// TestTestFunctionRights: it logs, and does nothing else.
func TestTestFunctionRights(t *testing.T) {
	for _, s := range plain().statements() {
		if s.kind == "AWS::IAM::Policy" && strings.HasPrefix(s.owner, "TestFunction") {
			for _, a := range s.actions() {
				if a := text(a); !strings.HasPrefix(a, "logs:") && !strings.HasPrefix(a, "xray:") {
					t.Errorf("the test function may %s", a)
				}
			}
		}
	}
}
