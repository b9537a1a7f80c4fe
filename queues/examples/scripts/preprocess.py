"""Takes one of three parts of a table (train 80 %, val and test 10 % each) and drops rows with a gap."""

import argparse
import csv
import time
from pathlib import Path

PARTS = {"train": range(8), "val": range(8, 9), "test": range(9, 10)}

parser = argparse.ArgumentParser()
parser.add_argument("--split", choices=PARTS, required=True)
parser.add_argument("--input", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
parser.add_argument("--pace", type=float, default=0.0, help="seconds to take at least")
options = parser.parse_args()

with options.input.open(newline="") as file:
    rows = [row for row in csv.DictReader(file) if int(row["id"]) % 10 in PARTS[options.split]]
complete = [row for row in rows if all(row.values())]
with options.output.open("w", newline="") as file:
    table = csv.DictWriter(file, ["id", "a", "b", "y"])
    table.writeheader()
    table.writerows(complete)
time.sleep(options.pace)
print(f"{options.split}: {len(complete)} of {len(rows)} rows kept")
