"""Buses, rules, targets, permissions, tags and patterns through boto3."""
import json

from aws import arn, client, refused

events = client("events")

# Buses
made = events.create_event_bus(Name="orders", Description="all of them", Tags=[{"Key": "team", "Value": "shop"}])
assert made["EventBusArn"] == arn("events", "event-bus/orders"), made
refused("ResourceAlreadyExistsException", events.create_event_bus, Name="orders")
refused("ResourceAlreadyExistsException", events.create_event_bus, Name="default")
refused("ValidationException", events.create_event_bus, Name="a/b", message="must not contain '/'")
refused("ValidationException", events.create_event_bus, Name="x" * 257, message="less than or equal to 256")
refused("ValidationException", events.create_event_bus, Name="no blanks", message="regular expression pattern")
bus = events.describe_event_bus(Name="orders")
assert (bus["Name"], bus["Description"]) == ("orders", "all of them"), bus
assert bus["CreationTime"].year > 2000
assert events.describe_event_bus()["Name"] == "default"
refused("ResourceNotFoundException", events.describe_event_bus, Name="nowhere", message="Event bus nowhere does not exist.")
for i in range(5):
    events.create_event_bus(Name=f"page-{i}")
seen, token = [], {}
while True:
    page = events.list_event_buses(NamePrefix="page-", Limit=2, **token)
    seen += [b["Name"] for b in page["EventBuses"]]
    if "NextToken" not in page:
        break
    token = {"NextToken": page["NextToken"]}
assert seen == [f"page-{i}" for i in range(5)], seen
refused("ValidationException", events.list_event_buses, NextToken="!")
events.update_event_bus(Name="orders", Description="some of them")
assert events.describe_event_bus(Name="orders")["Description"] == "some of them"
for i in range(5):
    events.delete_event_bus(Name=f"page-{i}")
events.delete_event_bus(Name="was-never-there")
refused("ValidationException", events.delete_event_bus, Name="default")

# Permissions
events.put_permission(EventBusName="orders", Action="events:PutEvents", Principal="123456789012", StatementId="them")
events.put_permission(EventBusName="orders", Action="events:PutEvents", Principal="*", StatementId="org",
                      Condition={"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1"})
policy = json.loads(events.describe_event_bus(Name="orders")["Policy"])
assert policy["Statement"][0] == {"Sid": "them", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                                  "Action": "events:PutEvents", "Resource": arn("events", "event-bus/orders")}, policy
assert policy["Statement"][1]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, policy
events.remove_permission(EventBusName="orders", StatementId="them")
refused("ResourceNotFoundException", events.remove_permission, EventBusName="orders", StatementId="them")
events.remove_permission(EventBusName="orders", RemoveAllPermissions=True)
assert "Policy" not in events.describe_event_bus(Name="orders")

# Rules
pattern = json.dumps({"source": ["shop"]})
made = events.put_rule(Name="paid", EventBusName="orders", EventPattern=pattern, Tags=[{"Key": "a", "Value": "1"}])
assert made["RuleArn"] == arn("events", "rule/orders/paid"), made
assert events.put_rule(Name="nightly", ScheduleExpression="cron(0 3 * * ? *)", State="DISABLED")["RuleArn"] == arn("events", "rule/nightly")
refused("InvalidEventPatternException", events.put_rule, Name="bad", EventPattern='{"source": "shop"}',
        message="Event pattern is not valid. Reason: ")
refused("ValidationException", events.put_rule, Name="bad")
refused("ValidationException", events.put_rule, Name="bad", ScheduleExpression="rate(1 minutes)",
        message="Parameter ScheduleExpression is not valid.")
refused("ValidationException", events.put_rule, Name="bad", ScheduleExpression="rate(1 minute)", EventBusName="orders",
        message="only on the default event bus")
refused("ValidationException", events.put_rule, Name="x" * 65, EventPattern=pattern)
refused("ValidationException", events.put_rule, Name="bad", EventPattern=pattern, State="ASLEEP", message="enum value set")
refused("ResourceNotFoundException", events.put_rule, Name="bad", EventPattern=pattern, EventBusName="nowhere")
rule = events.describe_rule(Name="paid", EventBusName="orders")
assert (rule["EventPattern"], rule["State"], rule["EventBusName"]) == (pattern, "ENABLED", "orders"), rule
refused("ResourceNotFoundException", events.describe_rule, Name="paid", message="Rule paid does not exist on EventBus default.")
assert [r["Name"] for r in events.list_rules(EventBusName=arn("events", "event-bus/orders"))["Rules"]] == ["paid"]
assert events.list_rules(NamePrefix="n")["Rules"][0]["ScheduleExpression"] == "cron(0 3 * * ? *)"
events.disable_rule(Name="paid", EventBusName="orders")
assert events.describe_rule(Name="paid", EventBusName="orders")["State"] == "DISABLED"
events.enable_rule(Name="paid", EventBusName="orders")
refused("ResourceNotFoundException", events.enable_rule, Name="nobody")

refused("ValidationException", events.put_permission, EventBusName="orders", Action="events:PutRule", Principal="*", StatementId="s",
        message="Provided value in parameter 'action' is not supported.")

# Tags
rule_arn = arn("events", "rule/orders/paid")
events.tag_resource(ResourceARN=rule_arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
events.untag_resource(ResourceARN=rule_arn, TagKeys=["b", "never"])
assert events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"] == [{"Key": "a", "Value": "3"}]
assert events.list_tags_for_resource(ResourceARN=arn("events", "event-bus/orders"))["Tags"] == [{"Key": "team", "Value": "shop"}]
refused("ResourceNotFoundException", events.list_tags_for_resource, ResourceARN=arn("events", "rule/nobody"))

# Targets
target = {"Id": "1", "Arn": arn("lambda", "function:box"), "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
          "InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"n": <n>}'}}
assert events.put_targets(Rule="paid", EventBusName="orders", Targets=[target]) ["FailedEntryCount"] == 0
assert events.list_targets_by_rule(Rule="paid", EventBusName="orders")["Targets"] == [target]
assert events.list_rule_names_by_target(TargetArn=target["Arn"], EventBusName="orders")["RuleNames"] == ["paid"]
assert events.list_rule_names_by_target(TargetArn=target["Arn"])["RuleNames"] == []
many = [{"Id": str(i), "Arn": target["Arn"]} for i in range(6)]
refused("LimitExceededException", events.put_targets, Rule="paid", EventBusName="orders", Targets=many)
refused("ResourceNotFoundException", events.put_targets, Rule="nobody", Targets=many[:1])
for bad in [{"Id": "1", "Arn": "nonsense"}, {"Id": "1", "Arn": target["Arn"], "Input": "{", },
            {"Id": "1", "Arn": target["Arn"], "Input": "{}", "InputPath": "$"},
            {"Id": "1", "Arn": target["Arn"], "InputPath": "detail"},
            {"Id": "1", "Arn": target["Arn"], "RetryPolicy": {"MaximumRetryAttempts": 186}},
            {"Id": "1", "Arn": target["Arn"], "InputTransformer": {"InputTemplate": "<unknown>"}},
            {"Id": "no blanks", "Arn": target["Arn"]}]:
    refused("ValidationException", events.put_targets, Rule="paid", EventBusName="orders", Targets=[bad])
refused("ValidationException", events.delete_rule, Name="paid", EventBusName="orders", message="Rule can't be deleted since it has targets.")
refused("ValidationException", events.delete_event_bus, Name="orders", message="since it has rules")
gone = events.remove_targets(Rule="paid", EventBusName="orders", Ids=["1", "9"])
assert gone["FailedEntryCount"] == 1 and gone["FailedEntries"][0]["TargetId"] == "9", gone
events.delete_rule(Name="paid", EventBusName="orders")
events.delete_rule(Name="was-never-there")
events.delete_event_bus(Name="orders")
events.delete_rule(Name="nightly")

# Patterns
event = {"id": "1", "account": "1", "source": "shop", "time": "2026-01-01T00:00:00Z", "region": "r", "resources": [], "detail-type": "t"}
assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event))["Result"] is True
assert events.test_event_pattern(EventPattern='{"source":["x"]}', Event=json.dumps(event))["Result"] is False
refused("InvalidEventPatternException", events.test_event_pattern, EventPattern="{}", Event=json.dumps(event))
refused("ValidationException", events.test_event_pattern, EventPattern=pattern, Event="{}")

# Not served
refused("UnknownOperationException", events.create_endpoint, Name="e", EventBuses=[{"EventBusArn": arn("events", "event-bus/a")}] * 2,
        RoutingConfig={"FailoverConfig": {"Primary": {"HealthCheck": "arn:aws:route53:::healthcheck/1"}, "Secondary": {"Route": "eu-west-1"}}})
