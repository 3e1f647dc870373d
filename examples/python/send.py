"""Send the records of a file, one JSON object per line, as input events.

    EVENTROUTER_KEY=... python3 send.py TENANT SCHEMA OPERATION records.jsonl

Each event has an idempotency key made from its content: however often an entry or
the whole file is sent, within 35 days, each event has one effect and one bill.
AWS_ENDPOINT_URL names a local server, for example http://127.0.0.1:4010.
"""
import json, os, random, sys, time, uuid
import boto3
from botocore.exceptions import BotoCoreError, ClientError

MAX_ENTRIES, ATTEMPTS = 10, 10  # of one call; until the program gives up


def entry(tenant, schema, operation, payload):
    key = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([tenant, schema, operation, payload], sort_keys=True))
    detail = {"tenant": tenant, "rootSchema": schema, "operation": operation, "payload": payload,
              "api_key": os.environ["EVENTROUTER_KEY"], "idempotency_key": str(key)}
    return {"Source": "blockforger-input", "DetailType": f"{schema}.{operation}", "Detail": json.dumps(detail)}


def send(client, entries):
    for attempt in range(ATTEMPTS):
        failed = []
        for i in range(0, len(entries), MAX_ENTRIES):
            batch = entries[i:i + MAX_ENTRIES]
            try:
                results = client.put_events(Entries=batch)["Entries"]
                failed += [e for e, r in zip(batch, results) if "ErrorCode" in r]
            except (BotoCoreError, ClientError) as error:
                print(f"attempt {attempt + 1}: {error}", file=sys.stderr)
                failed += batch
        if not failed:
            return
        entries = failed
        time.sleep(random.uniform(0, min(30, 0.1 * 2 ** attempt)))
    sys.exit(f"{len(entries)} events were not accepted")


if __name__ == "__main__":
    tenant, schema, operation, file = sys.argv[1:]
    with open(file, encoding="utf-8") as lines:
        entries = [entry(tenant, schema, operation, json.loads(line)) for line in lines if line.strip()]
    send(boto3.client("events"), entries)
    print(f"{len(entries)} events sent")
