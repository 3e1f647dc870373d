"""Archives and replays through boto3; function "box" takes all of source a."""
import json
import time
from datetime import datetime, timedelta, timezone

from aws import arn, client, refused

events, logs = client("events"), client("logs")
default = arn("events", "event-bus/default")

made = events.create_archive(ArchiveName="all", EventSourceArn=default, Description="d", RetentionDays=3, EventPattern='{"source":["a"]}')
assert made["ArchiveArn"] == arn("events", "archive/all") and made["State"] == "ENABLED", made
refused("ResourceAlreadyExistsException", events.create_archive, ArchiveName="all", EventSourceArn=default)
refused("ResourceNotFoundException", events.create_archive, ArchiveName="x", EventSourceArn=arn("events", "event-bus/nowhere"))
refused("InvalidEventPatternException", events.create_archive, ArchiveName="x", EventSourceArn=default, EventPattern="{")
refused("ValidationException", events.create_archive, ArchiveName="x" * 49, EventSourceArn=default)

now = datetime.now(timezone.utc).replace(microsecond=0)
for minutes, n in [(-3, 3), (-1, 1), (-2, 2), (-60, 60)]:  # not in the order of their time
    events.put_events(Entries=[{"Source": "a", "DetailType": "t", "Detail": json.dumps({"n": n}), "Time": now + timedelta(minutes=minutes)},
                               {"Source": "b", "DetailType": "t", "Detail": "{}"}])
archive = events.describe_archive(ArchiveName="all")
assert archive["EventCount"] == 4 and archive["SizeBytes"] > 400 and archive["RetentionDays"] == 3, archive
assert [a["ArchiveName"] for a in events.list_archives(NamePrefix="a")["Archives"]] == ["all"]


def got():
    lines = logs.filter_log_events(logGroupName="/aws/lambda/box")["events"]
    return [json.loads(e["message"]) for e in lines]


def wait(n):
    for _ in range(250):
        if len(got()) >= n:
            return got()
        time.sleep(0.02)
    raise AssertionError(f"{len(got())} of {n} events")


wait(4)
span = {"EventStartTime": now - timedelta(minutes=10), "EventEndTime": now}
source = arn("events", "archive/all")
refused("ValidationException", events.start_replay, ReplayName="r", EventSourceArn=source, Destination={"Arn": default},
        EventStartTime=now, EventEndTime=now, message="EventStartTime must be before EventEndTime")
events.create_event_bus(Name="other")
refused("ValidationException", events.start_replay, ReplayName="r", EventSourceArn=source, **span,
        Destination={"Arn": arn("events", "event-bus/other")}, message="Cross event bus replay is not permitted")
refused("ValidationException", events.start_replay, ReplayName="r", EventSourceArn=arn("events", "archive/none"), Destination={"Arn": default}, **span,
        message="Parameter EventSourceArn is not valid. Reason: Archive none does not exist.")
refused("ResourceNotFoundException", events.start_replay, ReplayName="r", EventSourceArn=source, **span,
        Destination={"Arn": arn("events", "event-bus/none")}, message="Event bus none does not exist.")
refused("ValidationException", events.list_archives, NamePrefix="a", State="ENABLED", message="At most one filter is allowed for ListArchives")
refused("ValidationException", events.list_replays, NamePrefix="a", EventSourceArn=source, message="At most one filter is allowed for ListReplays")
refused("ResourceNotFoundException", events.list_archives, EventSourceArn=arn("events", "event-bus/none"), message="Event bus none does not exist.")
assert events.start_replay(ReplayName="r", EventSourceArn=source, Destination={"Arn": default}, **span)["State"] == "STARTING"
replayed = wait(7)[4:]
assert sorted(e["detail"]["n"] for e in replayed) == [1, 2, 3], replayed
assert all(e["replay-name"] == "r" for e in replayed), replayed
for _ in range(250):
    replay = events.describe_replay(ReplayName="r")
    if replay["State"] == "COMPLETED":
        break
    time.sleep(0.02)
assert replay["State"] == "COMPLETED" and replay["EventLastReplayedTime"] == now - timedelta(minutes=1), replay
assert events.describe_archive(ArchiveName="all")["EventCount"] == 4  # what is replayed is not archived again
refused("ResourceAlreadyExistsException", events.start_replay, ReplayName="r", EventSourceArn=source, Destination={"Arn": default}, **span)
refused("IllegalStatusException", events.cancel_replay, ReplayName="r")
assert [r["ReplayName"] for r in events.list_replays(State="COMPLETED")["Replays"]] == ["r"]
events.start_replay(ReplayName="filtered", EventSourceArn=source, **span,
                    Destination={"Arn": default, "FilterArns": [arn("events", "rule/another")]})
time.sleep(0.3)
assert len(got()) == 7

events.update_archive(ArchiveName="all", Description="new", RetentionDays=5)
assert "EventPattern" not in events.describe_archive(ArchiveName="all")
events.delete_archive(ArchiveName="all")
refused("ResourceNotFoundException", events.describe_archive, ArchiveName="all", message="Archive all does not exist.")
