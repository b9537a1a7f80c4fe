"""Fails in its first attempts, as a network does. Which attempt this is stands in the environment."""

import argparse
import os
import sys

parser = argparse.ArgumentParser()
parser.add_argument("what")
parser.add_argument("--failures", type=int, default=0, help="attempts that fail before one succeeds")
options = parser.parse_args()

attempt = int(os.environ["RUNNER_ATTEMPT"])
if attempt <= options.failures:
    print(f"{options.what}: connection reset (attempt {attempt})", file=sys.stderr)
    sys.exit(75)  # EX_TEMPFAIL: trying again may help
print(f"{options.what}: done in attempt {attempt}")
