"""The metrics of AWS/Events through boto3, which speaks CBOR."""
import time
from datetime import datetime, timedelta, timezone

from aws import arn, client, refused

events, cloudwatch = client("events"), client("cloudwatch")
events.put_rule(Name="r", EventPattern='{"source":["a"]}')
events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn("lambda", "function:box")}, {"Id": "2", "Arn": arn("sqs", "nobody")}])
events.put_events(Entries=[{"Source": s, "DetailType": "t", "Detail": "{}"} for s in "aab"])


def total(metric, **more):
    now = datetime.now(timezone.utc)
    asked = {"Namespace": "AWS/Events", "MetricName": metric, "Dimensions": [{"Name": "RuleName", "Value": "r"}],
             "StartTime": now - timedelta(minutes=10), "EndTime": now + timedelta(minutes=1), "Period": 60, "Statistics": ["Sum"]}
    answer = cloudwatch.get_metric_statistics(**asked | more)
    assert answer["Label"] == metric and all(p["Unit"] == "Count" and p["Timestamp"].year > 2000 for p in answer["Datapoints"]), answer
    return sum(p["Sum"] for p in answer["Datapoints"])


for _ in range(250):
    if total("Invocations") == 2 and total("FailedInvocations") == 2:
        break
    time.sleep(0.02)
assert total("Invocations") == 2 and total("FailedInvocations") == 2
assert total("TriggeredRules") == 2 and total("MatchedEvents") == 2
assert total("MatchedEvents", Dimensions=[]) == 2
assert total("MatchedEvents", Period=3600) == 2
assert total("Nothing") == 0 and total("Invocations", Namespace="AWS/SQS") == 0
now = datetime.now(timezone.utc)
good = {"Namespace": "AWS/Events", "MetricName": "m", "StartTime": now - timedelta(hours=1), "EndTime": now, "Period": 60, "Statistics": ["Sum"]}
refused("InvalidParameterValue", cloudwatch.get_metric_statistics, **good | {"StartTime": now})
refused("InvalidParameterValue", cloudwatch.get_metric_statistics, **good | {"Period": 61})
refused("InvalidParameterCombination", cloudwatch.get_metric_statistics, **good | {"StartTime": now - timedelta(days=9)})
refused("UnknownOperationException", cloudwatch.list_metrics)
