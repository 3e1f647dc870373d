"""What a person does with EventBridge, with boto3 against `eventrouter serve`:
everyday.py ENDPOINT. doc/local.md does the same with the AWS CLI."""
import json
import sys
import time
from datetime import datetime, timedelta, timezone

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ACCOUNT, REGION = "000000000000", "us-east-1"


def client(service):
    return boto3.client(service, endpoint_url=sys.argv[1], region_name=REGION, aws_access_key_id="local",
                        aws_secret_access_key="local", config=Config(retries={"max_attempts": 1}))


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def until(what, ask):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"in vain waited for {what}")


def received(queue):
    message = until("a message", lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MessageAttributeNames=["All"]).get("Messages"))[0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return message


events, sqs, scheduler = client("events"), client("sqs"), client("scheduler")
lam, logs, cloudwatch = client("lambda"), client("logs"), client("cloudwatch")

# bus, grant, rule, target, publish
events.create_event_bus(Name="py-orders")
events.put_permission(EventBusName="py-orders", StatementId="partner", Principal="111122223333", Action="events:PutEvents")
policy = json.loads(events.describe_event_bus(Name="py-orders")["Policy"])
assert policy["Statement"][0]["Sid"] == "partner", policy
queue = sqs.create_queue(QueueName="py-orders")["QueueUrl"]
pattern = '{"detail":{"total":[{"numeric":[">",100]}]}}'
rule = events.put_rule(EventBusName="py-orders", Name="big", EventPattern=pattern)["RuleArn"]
events.put_targets(EventBusName="py-orders", Rule="big", Targets=[{"Id": "queue", "Arn": arn("sqs", "py-orders"),
                   "InputTransformer": {"InputPathsMap": {"total": "$.detail.total"}, "InputTemplate": '{"paid": <total>}'}}])
answer = events.put_events(Entries=[{"EventBusName": "py-orders", "Source": "shop", "DetailType": "order", "Detail": json.dumps({"total": n})} for n in (99, 120)])
assert answer["FailedEntryCount"] == 0, answer
assert json.loads(received(queue)["Body"]) == {"paid": 120}

# list, describe, test a pattern
assert {b["Name"] for b in events.list_event_buses()["EventBuses"]} >= {"default", "py-orders"}
assert events.list_rules(EventBusName="py-orders")["Rules"][0]["Arn"] == rule
assert events.describe_rule(EventBusName="py-orders", Name="big")["EventPattern"] == pattern
assert events.list_targets_by_rule(EventBusName="py-orders", Rule="big")["Targets"][0]["Id"] == "queue"
assert events.list_rule_names_by_target(EventBusName="py-orders", TargetArn=arn("sqs", "py-orders"))["RuleNames"] == ["big"]
event = {"id": "1", "account": ACCOUNT, "source": "shop", "time": "2026-11-21T03:00:00Z", "region": REGION, "resources": [], "detail-type": "order"}
assert events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event | {"detail": {"total": 120}}))["Result"]
assert not events.test_event_pattern(EventPattern=pattern, Event=json.dumps(event | {"detail": {"total": "120"}}))["Result"]

# schedule
at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=3)  # later than the call, however slow it is
scheduler.create_schedule(Name="py-once", ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", FlexibleTimeWindow={"Mode": "OFF"},
                          Target={"Arn": arn("sqs", "py-orders"), "RoleArn": "arn:aws:iam::000000000000:role/scheduler", "Input": "wake up"})
assert received(queue)["Body"] == "wake up"
scheduler.delete_schedule(Name="py-once")
events.put_rule(Name="py-mornings", ScheduleExpression="cron(0 6 ? * MON-FRI *)")
events.delete_rule(Name="py-mornings")

# archive and replay
bus = arn("events", "event-bus/py-orders")
archive = events.create_archive(ArchiveName="py-paid", EventSourceArn=bus)["ArchiveArn"]
paid = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
events.put_events(Entries=[{"EventBusName": "py-orders", "Source": "shop", "DetailType": "order", "Detail": '{"total": 500}', "Time": paid}])
assert json.loads(received(queue)["Body"]) == {"paid": 500}
assert events.describe_archive(ArchiveName="py-paid")["EventCount"] == 1
events.start_replay(ReplayName="py-january", EventSourceArn=archive, EventStartTime=paid, EventEndTime=paid + timedelta(days=30), Destination={"Arn": bus})
until("the replay's end", lambda: events.describe_replay(ReplayName="py-january")["State"] == "COMPLETED")
assert json.loads(received(queue)["Body"]) == {"paid": 500}
assert events.describe_archive(ArchiveName="py-paid")["EventCount"] == 1

# functions, permissions, logs, metrics
assert "eventrouter-local" in [f["FunctionName"] for f in lam.list_functions()["Functions"]]
lam.add_permission(FunctionName="eventbridge-test-local", StatementId="py", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule)
assert rule in lam.get_policy(FunctionName="eventbridge-test-local")["Policy"]
lam.remove_permission(FunctionName="eventbridge-test-local", StatementId="py")
assert lam.invoke(FunctionName="eventbridge-test-local", Payload=b'{"by": "boto3"}')["StatusCode"] == 200
group = "/aws/lambda/eventbridge-test-local"
assert group in [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]]
line = until("the line", lambda: logs.filter_log_events(logGroupName=group, filterPattern="boto3")["events"])[0]
streamed = logs.get_log_events(logGroupName=group, logStreamName=line["logStreamName"], startFromHead=True)["events"]
assert '{"by":"boto3"}' in [e["message"].strip() for e in streamed], streamed
now = datetime.now(timezone.utc)
points = cloudwatch.get_metric_statistics(Namespace="AWS/Events", MetricName="Invocations", Dimensions=[{"Name": "RuleName", "Value": "big"}], Period=60,
                                          StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=1), Statistics=["Sum"])["Datapoints"]
assert sum(p["Sum"] for p in points) == 3, points

# clean up
events.delete_archive(ArchiveName="py-paid")
events.remove_targets(EventBusName="py-orders", Rule="big", Ids=["queue"])
events.delete_rule(EventBusName="py-orders", Name="big")
events.remove_permission(EventBusName="py-orders", StatementId="partner")
events.delete_event_bus(Name="py-orders")
sqs.delete_queue(QueueUrl=queue)
try:
    events.describe_event_bus(Name="py-orders")
    raise AssertionError("the bus is still there")
except ClientError as e:
    assert e.response["Error"]["Code"] == "ResourceNotFoundException", e
