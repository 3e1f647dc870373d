"""Runs scripts against servers in one process, since importing boto3 is slow:
run.py SCRIPT URL [SCRIPT URL]... Prints a line for each; fails if one fails."""
import pathlib
import runpy
import sys
import traceback

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here))
import aws

failed = False
for script, url in zip(sys.argv[1::2], sys.argv[2::2]):
    aws.ENDPOINT = url
    try:
        runpy.run_path(str(here / script))
        print("ok", script)
    except Exception:
        failed = True
        print("FAILED", script)
        traceback.print_exc(limit=-3, file=sys.stdout)
sys.exit(failed)
