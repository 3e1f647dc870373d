"""EventBridge Scheduler through boto3; function "box" logs what it gets."""
import json
import time
from datetime import datetime, timedelta, timezone

from aws import arn, client, refused

scheduler, logs = client("scheduler"), client("logs")
target = {"Arn": arn("lambda", "function:box"), "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
off = {"Mode": "OFF"}


def make(name, expression, **more):
    return scheduler.create_schedule(**{"Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": off, "Target": target} | more)


made = make("often", "rate(5 minutes)", Description="d", ScheduleExpressionTimezone="Europe/Berlin", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5})
assert made["ScheduleArn"] == arn("scheduler", "schedule/default/often"), made
refused("ConflictException", make, name="often", expression="rate(5 minutes)")
for bad in [{"expression": "rate(1 mins)"}, {"expression": "soon"}, {"ScheduleExpressionTimezone": "Mars/Base"},
            {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, {"name": "no blanks"}, {"State": "ASLEEP"},
            {"StartDate": datetime(2030, 1, 2), "EndDate": datetime(2030, 1, 1)}, {"Target": target | {"RoleArn": "me"}}]:
    refused("ValidationException", make, **({"name": "bad", "expression": "rate(5 minutes)"} | bad))
refused("ResourceNotFoundException", make, name="x", expression="rate(5 minutes)", GroupName="none")
got = scheduler.get_schedule(Name="often")
assert got["ScheduleExpressionTimezone"] == "Europe/Berlin" and got["State"] == "ENABLED", got
assert got["Target"] == target | {"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}, got
assert got["GroupName"] == "default" and got["ActionAfterCompletion"] == "NONE" and got["CreationDate"].year > 2000, got
scheduler.update_schedule(Name="often", ScheduleExpression="cron(0 3 ? * MON#1 *)".replace("MON#1", "2#1"), FlexibleTimeWindow=off, Target=target, State="DISABLED")
got = scheduler.get_schedule(Name="often")
assert got["State"] == "DISABLED" and "Description" not in got and got["ScheduleExpressionTimezone"] == "UTC", got

group = scheduler.create_schedule_group(Name="mine", Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
scheduler.tag_resource(ResourceArn=group, Tags=[{"Key": "c", "Value": "d"}, {"Key": "a", "Value": "e"}])
tags = lambda: {t["Key"]: t["Value"] for t in scheduler.list_tags_for_resource(ResourceArn=group)["Tags"]}
assert tags() == {"a": "e", "c": "d"}, tags()
scheduler.untag_resource(ResourceArn=group, TagKeys=["a", "c", "absent"])
assert tags() == {}, tags()
refused("ResourceNotFoundException", scheduler.list_tags_for_resource, ResourceArn=arn("scheduler", "schedule-group/none"))
refused("ValidationException", scheduler.list_tags_for_resource, ResourceArn=arn("scheduler", "schedule/default/often"))
refused("ConflictException", scheduler.create_schedule_group, Name="mine")
make("in-mine", "rate(1 day)", GroupName="mine")
assert [s["Name"] for s in scheduler.list_schedules(GroupName="mine")["Schedules"]] == ["in-mine"]
assert [s["Name"] for s in scheduler.list_schedules(NamePrefix="o", State="DISABLED")["Schedules"]] == ["often"]
assert [g["Name"] for g in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "mine"]
assert scheduler.get_schedule_group(Name="mine")["State"] == "ACTIVE"
scheduler.delete_schedule_group(Name="mine")
refused("ResourceNotFoundException", scheduler.get_schedule, Name="in-mine", GroupName="mine")
refused("ResourceNotFoundException", scheduler.delete_schedule, Name="nobody")
scheduler.delete_schedule(Name="often")

# A schedule of one time falls due, and is gone.
at = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=3)  # later than the call, however slow it is
make("once", f"at({at:%Y-%m-%dT%H:%M:%S})", ActionAfterCompletion="DELETE")
for _ in range(300):
    try:
        lines = logs.filter_log_events(logGroupName="/aws/lambda/box")["events"]
    except logs.exceptions.ResourceNotFoundException:
        lines = []
    if lines:
        break
    time.sleep(0.02)
assert json.loads(lines[0]["message"]) == {"at": f"{at:%Y-%m-%dT%H:%M:%SZ}"}, lines
refused("ResourceNotFoundException", scheduler.get_schedule, Name="once")
