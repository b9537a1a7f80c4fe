"""Lists the files that appeared since a moment, and says up to which moment it looked.

Files younger than a second are left for the next run: somebody may still be writing them.
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--since", type=datetime.fromisoformat, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--until", type=Path, required=True, help="file to write that moment to")
options = parser.parse_args()

until = datetime.now(UTC) - timedelta(seconds=1)
new = [
    path
    for path in sorted(options.folder.iterdir())
    if options.since <= datetime.fromtimestamp(path.stat().st_mtime, UTC) < until
]
options.output.write_text("".join(f"{path}\n" for path in new))
options.until.write_text(f"{until.isoformat()}\n")
print(f"found {len(new)} new files since {options.since.isoformat()}")
