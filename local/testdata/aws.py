"""What every boto3 session against the local server shares."""
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = None  # run.py sets it
ACCOUNT, REGION = "000000000000", "us-east-1"


def client(service):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(retries={"max_attempts": 1}))


def refused(code, call, message="", **arguments):
    """The call fails with this code, and a message that holds this text."""
    try:
        answer = call(**arguments)
    except ClientError as e:
        got = e.response["Error"]
        assert got["Code"] == code, got
        assert message in got["Message"], got
        return got["Message"]
    raise AssertionError(f"not refused with {code}: {answer}")


def arn(service, resource):
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"
