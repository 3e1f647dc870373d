"""What reaches a target, and what becomes of what does not."""
import json
import time

from aws import arn, client

events, sqs, logs = client("events"), client("sqs"), client("logs")


def queue(name):
    return sqs.create_queue(QueueName=name)["QueueUrl"]


def receive(url):
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MessageAttributeNames=["All"])["Messages"][0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    return got


def send(**more):
    entry = {"Source": "shop", "DetailType": "sold", "Detail": json.dumps({"n": 7, "name": 'a "quoted" name', "list": [1, {"x": 2}]})} | more
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


# Inputs
queues = {}
target = {"whole": {}, "constant": {"Input": '{"k": 1}'}, "path": {"InputPath": "$.detail.list[1]"},
          "nowhere": {"InputPath": "$.detail.nowhere"},
          "made": {"InputTransformer": {"InputPathsMap": {"n": "$.detail.n", "name": "$.detail.name", "l": "$.detail.list", "no": "$.x"},
                                        "InputTemplate": '{"n": <n>, "name": <name>, "text": "<name>: <n><no>", "l": <l>, "no": <no>, "rule": <aws.events.rule-name>}'}}}
events.put_rule(Name="inputs", EventPattern='{"source":["shop"]}')
for name, how in target.items():
    queues[name] = queue(name)
    events.put_targets(Rule="inputs", Targets=[{"Id": name, "Arn": arn("sqs", name)} | how])
event_id = send()
whole = json.loads(receive(queues["whole"])["Body"])
assert whole["id"] == event_id and whole["detail"]["n"] == 7 and whole["version"] == "0", whole
assert receive(queues["constant"])["Body"] == '{"k": 1}'
assert json.loads(receive(queues["path"])["Body"]) == {"x": 2}
assert receive(queues["nowhere"])["Body"] == "null"
made = json.loads(receive(queues["made"])["Body"])
assert made == {"n": 7, "name": 'a "quoted" name', "text": 'a "quoted" name: 7', "l": [1, {"x": 2}], "no": "", "rule": "inputs"}, made
events.remove_targets(Rule="inputs", Ids=list(target))

# A target that is not there: to the dead-letter queue at once
dead = queue("dead")
events.put_targets(Rule="inputs", Targets=[{"Id": "1", "Arn": arn("lambda", "function:nobody"), "DeadLetterConfig": {"Arn": arn("sqs", "dead")}}])
event_id = send()
letter = receive(dead)
said = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
assert json.loads(letter["Body"])["id"] == event_id
assert said["RULE_ARN"] == arn("events", "rule/inputs") and said["TARGET_ARN"] == arn("lambda", "function:nobody"), said
assert said["ERROR_CODE"] == "NO_RESOURCE" and said["ERROR_MESSAGE"] and "RETRY_ATTEMPTS" not in said, said
events.remove_targets(Rule="inputs", Ids=["1"])

# From bus to bus, but not on to a third
third = queue("third")
for bus in ("second", "third"):
    events.create_event_bus(Name=bus)
events.put_targets(Rule="inputs", Targets=[{"Id": "1", "Arn": arn("events", "event-bus/second")}])
events.put_rule(Name="on", EventBusName="second", EventPattern='{"source":["shop"]}')
events.put_targets(Rule="on", EventBusName="second", Targets=[{"Id": "q", "Arn": arn("sqs", "whole")},
                                                              {"Id": "3", "Arn": arn("events", "event-bus/third")}])
events.put_rule(Name="end", EventBusName="third", EventPattern='{"source":["shop"]}')
events.put_targets(Rule="end", EventBusName="third", Targets=[{"Id": "q", "Arn": arn("sqs", "third")}])
event_id = send()
assert json.loads(receive(queues["whole"])["Body"])["id"] == event_id
assert "Messages" not in sqs.receive_message(QueueUrl=third)
events.remove_targets(Rule="inputs", Ids=["1"])

# A log group
logs.create_log_group(logGroupName="/aws/events/all")
events.put_targets(Rule="inputs", Targets=[{"Id": "1", "Arn": arn("logs", "log-group:/aws/events/all")}])
event_id = send()
for _ in range(100):
    lines = logs.filter_log_events(logGroupName="/aws/events/all")["events"]
    if lines:
        break
    time.sleep(0.02)
assert json.loads(lines[0]["message"])["id"] == event_id
