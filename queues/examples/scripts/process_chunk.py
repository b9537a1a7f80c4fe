"""Sums one chunk of a table: count, and the sum of y."""

import argparse
import csv
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("input", type=Path)
parser.add_argument("output", type=Path)
parser.add_argument("--pace", type=float, default=0.0, help="seconds to take at least")
options = parser.parse_args()

with options.input.open(newline="") as file:
    values = [float(row["y"]) for row in csv.DictReader(file)]
time.sleep(options.pace)
options.output.write_text(f"rows,sum\n{len(values)},{sum(values):.6f}\n")
print(f"{options.input.name}: {len(values)} rows")
