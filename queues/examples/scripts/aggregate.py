"""Adds up the sums of all chunks."""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("inputs", type=Path, nargs="+")
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

rows, total = 0, 0.0
for path in options.inputs:
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            rows, total = rows + int(row["rows"]), total + float(row["sum"])
options.output.write_text(f"chunks,rows,mean\n{len(options.inputs)},{rows},{total / rows:.6f}\n")
print(options.output.read_text(), end="")
