"""One file of features out of several, each kind once."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("inputs", type=Path, nargs="+")
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

merged: dict = {}
for path in options.inputs:
    merged |= json.loads(path.read_text())
options.output.write_text(json.dumps(merged, indent=1, sort_keys=True) + "\n")
print(f"merged {', '.join(sorted(merged))}")
