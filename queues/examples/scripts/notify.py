"""Posts a message to the webhook in SLACK_WEBHOOK, as Slack wants it."""

import json
import os
import sys
import urllib.request

request = urllib.request.Request(
    os.environ["SLACK_WEBHOOK"],
    data=json.dumps({"text": sys.argv[1]}).encode(),
    headers={"Content-Type": "application/json"},
)
with urllib.request.urlopen(request, timeout=20) as reply:
    print(f"told {sys.argv[1]!r}: {reply.status}")
