"""Counts the lines and words of each file in a list."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--input", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

counts = {}
for name in options.input.read_text().splitlines():
    text = Path(name).read_text()
    counts[name] = {"lines": len(text.splitlines()), "words": len(text.split())}
options.output.write_text(json.dumps(counts, indent=1) + "\n")
print(f"processed {len(counts)} files")
