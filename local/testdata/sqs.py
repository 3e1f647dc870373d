"""Queues through boto3: what a dead-letter queue needs, and FIFO."""
import time

from aws import arn, client, refused

sqs = client("sqs")
dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
url = sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "30", "RedrivePolicy":
                       '{"deadLetterTargetArn":"%s","maxReceiveCount":"2"}' % arn("sqs", "dead")}, tags={"a": "1"})["QueueUrl"]
assert sqs.create_queue(QueueName="work", Attributes={"VisibilityTimeout": "30"})["QueueUrl"] == url
refused("QueueAlreadyExists", sqs.create_queue, QueueName="work", Attributes={"VisibilityTimeout": "31"})
refused("InvalidParameterValue", sqs.create_queue, QueueName="no blanks")
refused("InvalidParameterValue", sqs.create_queue, QueueName="x", Attributes={"RedrivePolicy": '{"deadLetterTargetArn":"arn:x","maxReceiveCount":1}'})
refused("InvalidAttributeValue", sqs.create_queue, QueueName="x", Attributes={"DelaySeconds": "901"})
refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="nobody", message="does not exist")
assert sqs.get_queue_url(QueueName="work")["QueueUrl"] == url
assert sqs.list_queues(QueueNamePrefix="w")["QueueUrls"] == [url]
assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"] == {"QueueArn": arn("sqs", "work")}

# Send, receive, hide, redrive. boto3 checks the MD5 sums.
sent = sqs.send_message(QueueUrl=url, MessageBody="häl\tlo", MessageAttributes={
    "s": {"DataType": "String", "StringValue": "x"}, "n": {"DataType": "Number", "StringValue": "1"},
    "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}})
got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])["Messages"]
assert len(got) == 1 and got[0]["MessageId"] == sent["MessageId"] and got[0]["Body"] == "häl\tlo", got
assert got[0]["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\xff", got
assert got[0]["Attributes"]["ApproximateReceiveCount"] == "1", got
assert "Messages" not in sqs.receive_message(QueueUrl=url)
counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
assert counts["ApproximateNumberOfMessagesNotVisible"] == "1" and counts["ApproximateNumberOfMessages"] == "0", counts
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"], VisibilityTimeout=0)
assert len(sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"]) == 1
assert "Messages" not in sqs.receive_message(QueueUrl=url)  # the third time: redriven
letter = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=2, MessageSystemAttributeNames=["All"])["Messages"][0]
assert letter["MessageId"] == sent["MessageId"] and letter["Attributes"]["ApproximateReceiveCount"] == "3", letter
assert letter["Body"] == "häl\tlo" and letter["Attributes"]["DeadLetterQueueSourceArn"] == arn("sqs", "work"), letter
sqs.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=dead, ReceiptHandle="nonsense")

# Delay, long polling, batches
begin = time.monotonic()
sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=1)
assert sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"][0]["Body"] == "later"
assert 0.8 < time.monotonic() - begin < 4
batch = sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}, {"Id": "b", "MessageBody": "\x00"}])
assert [e["Id"] for e in batch["Successful"]] == ["a"] and batch["Failed"][0]["Code"] == "InvalidMessageContents", batch
refused("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", sqs.send_message_batch, QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "1"}] * 2)
refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", sqs.send_message_batch, QueueUrl=url,
        Entries=[{"Id": str(i), "MessageBody": "1"} for i in range(11)])
one = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
gone = sqs.delete_message_batch(QueueUrl=url, Entries=[{"Id": "a", "ReceiptHandle": m["ReceiptHandle"]} for m in one])
assert len(gone["Successful"]) == 1, gone
refused("InvalidParameterValue", sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=11)
refused("InvalidParameterValue", sqs.send_message, QueueUrl=url, MessageBody="x" * (1 << 20) + "x")
sqs.purge_queue(QueueUrl=url)
refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url, message="Only one PurgeQueue operation on work is allowed every 60 seconds.")
# A message that is visible again can be hidden no more: nothing happens (recorded 2023-11-14).
sqs.send_message(QueueUrl=url, MessageBody="m")
handle = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60)
assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
refused("InvalidParameterValue", sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=60,
        message="Reason: Message does not exist or is not available for visibility timeout change.")
sqs.send_message(QueueUrl=url, MessageBody="fair", MessageGroupId="tenant-a")
assert sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"][0]["Attributes"]["MessageGroupId"] == "tenant-a"

# FIFO: order within a group, no duplicates
fifo = sqs.create_queue(QueueName="line.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"})["QueueUrl"]
refused("InvalidParameterValue", sqs.create_queue, QueueName="line.fifo")
refused("MissingParameter", sqs.send_message, QueueUrl=fifo, MessageBody="1")
sends = [sqs.send_message(QueueUrl=fifo, MessageBody=body, MessageGroupId="g") for body in ["1", "1", "2"]]
assert sends[0]["SequenceNumber"] == sends[1]["SequenceNumber"] < sends[2]["SequenceNumber"], sends
assert sends[0]["MessageId"] == sends[1]["MessageId"] and len(sends[0]["SequenceNumber"]) == 20, sends
sqs.send_message(QueueUrl=fifo, MessageBody="3", MessageGroupId="h")
first = sqs.receive_message(QueueUrl=fifo, AttributeNames=["All"])["Messages"][0]
assert first["Body"] == "1" and first["Attributes"]["SequenceNumber"] == sends[0]["SequenceNumber"], first
assert [m["Body"] for m in sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10)["Messages"]] == ["3"]  # g waits
sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
second = sqs.receive_message(QueueUrl=fifo, VisibilityTimeout=0)["Messages"][0]
assert second["Body"] == "2"
refused("InvalidParameterValue", sqs.delete_message, QueueUrl=fifo, ReceiptHandle=second["ReceiptHandle"],
        message=f"Value {second['ReceiptHandle']} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")

for u in (url, dead, fifo):
    sqs.delete_queue(QueueUrl=u)
refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url, MessageBody="x")
