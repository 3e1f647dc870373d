"""Functions through boto3: "box" logs and echoes, "bad" fails; permissions are enforced."""
import base64
import json

from aws import arn, client, refused

lam, logs, events, sqs = client("lambda"), client("logs"), client("events"), client("sqs")
assert [f["FunctionName"] for f in lam.list_functions()["Functions"]] == ["bad", "box"]
assert lam.get_function(FunctionName="box")["Configuration"]["FunctionArn"] == arn("lambda", "function:box")
assert lam.get_function_configuration(FunctionName=arn("lambda", "function:box"))["LoggingConfig"]["LogGroup"] == "/aws/lambda/box"
refused("ResourceNotFoundException", lam.get_function, FunctionName="nobody", message="Function not found: arn:aws:lambda")

answer = lam.invoke(FunctionName="box", Payload=b'{"a":1}', LogType="Tail")
assert answer["StatusCode"] == 200 and "FunctionError" not in answer and json.load(answer["Payload"]) == {"a": 1}, answer
assert base64.b64decode(answer["LogResult"]) == b'{"a":1}\n', answer
answer = lam.invoke(FunctionName=arn("lambda", "function:bad:$LATEST"))
assert answer["FunctionError"] == "Unhandled" and json.load(answer["Payload"])["errorMessage"] == "bad", answer
assert lam.invoke(FunctionName="box", InvocationType="Event", Payload=b"[1]")["StatusCode"] == 202
assert lam.invoke(FunctionName="box", InvocationType="DryRun")["StatusCode"] == 204
refused("InvalidRequestContentException", lam.invoke, FunctionName="box", Payload=b"{")
refused("ResourceNotFoundException", lam.invoke, FunctionName="nobody")
refused("RequestTooLargeException", lam.invoke, FunctionName="box", InvocationType="Event", Payload=b'"' + b"x" * (1 << 20) + b'"')

# Without permission, EventBridge's delivery goes to the dead-letter queue at once.
refused("ResourceNotFoundException", lam.get_policy, FunctionName="box")
rule = events.put_rule(Name="r", EventPattern='{"source":["a"]}')["RuleArn"]
dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": arn("lambda", "function:box"), "DeadLetterConfig": {"Arn": arn("sqs", "dead")}}])
entry = {"Source": "a", "DetailType": "t", "Detail": "{}"}
events.put_events(Entries=[entry])
letter = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5, MessageAttributeNames=["All"])["Messages"][0]
assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS", letter
sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
said = json.loads(lam.add_permission(FunctionName="box", StatementId="eb", Action="lambda:InvokeFunction",
                                     Principal="events.amazonaws.com", SourceArn=rule)["Statement"])
assert said == {"Sid": "eb", "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "lambda:InvokeFunction",
                "Resource": arn("lambda", "function:box"), "Condition": {"ArnLike": {"AWS:SourceArn": rule}}}, said
refused("ResourceConflictException", lam.add_permission, FunctionName="box", StatementId="eb", Action="lambda:InvokeFunction", Principal="*")
assert json.loads(lam.get_policy(FunctionName="box")["Policy"])["Statement"] == [said]
events.put_events(Entries=[entry])
assert "Messages" not in sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=1)
lines = logs.filter_log_events(logGroupName="/aws/lambda/box", filterPattern='"detail-type"')["events"]
assert len(lines) == 1, lines
lam.remove_permission(FunctionName="box", StatementId="eb")
refused("ResourceNotFoundException", lam.remove_permission, FunctionName="box", StatementId="eb")
