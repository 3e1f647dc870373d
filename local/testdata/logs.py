"""Log groups through boto3; the machine has invoked "talker" three times."""
from aws import ACCOUNT, arn, client, refused

logs = client("logs")
group = "/aws/lambda/talker"
groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
assert [g["logGroupName"] for g in groups] == [group] and groups[0]["arn"] == arn("logs", f"log-group:{group}:*"), groups
streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
assert len(streams) == 1 and streams[0]["lastEventTimestamp"] >= streams[0]["firstEventTimestamp"], streams
name = streams[0]["logStreamName"]
page = logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True, limit=4)
assert [e["message"] for e in page["events"]] == ["one", "two a", "one", "two b"], page
page = logs.get_log_events(logGroupName=group, logStreamName=name, nextToken=page["nextForwardToken"])
assert [e["message"] for e in page["events"]] == ["one", "two c"], page
end = logs.get_log_events(logGroupName=group, logStreamName=name, nextToken=page["nextForwardToken"])
assert end["events"] == [] and end["nextForwardToken"] == page["nextForwardToken"], end
newest = logs.get_log_events(logGroupName=group, logStreamName=name, limit=1)
assert [e["message"] for e in newest["events"]] == ["two c"], newest
before = logs.get_log_events(logGroupName=group, logStreamName=name, limit=1, nextToken=newest["nextBackwardToken"])
assert [e["message"] for e in before["events"]] == ["one"], before


def found(**arguments):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **arguments)
    return [e["message"] for page in pages for e in page["events"]]


assert found(PaginationConfig={"PageSize": 2}) == ["one", "two a"] + ["one", "two b"] + ["one", "two c"]
assert found(filterPattern="two -b") == ["two a", "two c"]
assert found(filterPattern='"two a"') == ["two a"]
assert found(filterPattern="?a ?c") == ["two a", "two c"]
assert found(startTime=4102444800000) == []
assert found(filterPattern="%t[w]o [ac]%") == ["two a", "two c"]
refused("InvalidParameterException", logs.filter_log_events, logGroupName=group, filterPattern="{ $.x = }")
refused("ResourceNotFoundException", logs.filter_log_events, logGroupName="/nobody", message="The specified log group does not exist.")
refused("ResourceNotFoundException", logs.get_log_events, logGroupName=group, logStreamName="nobody")
logs.create_log_group(logGroupName="/aws/events/all")
refused("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="/aws/events/all")
assert logs.describe_log_streams(logGroupName="/aws/events/all")["logStreams"] == []
logs.delete_log_group(logGroupName="/aws/events/all")
refused("ResourceNotFoundException", logs.delete_log_group, logGroupName="/aws/events/all")
identity = client("sts").get_caller_identity()
assert identity["Account"] == ACCOUNT and identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root", identity
