"""Stands in for a download: a table of numbers that is the same every time (y = 3·a - 2·b + 1, and noise)."""

import argparse
import csv
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=600)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

chance = random.Random(7)
with options.output.open("w", newline="") as file:
    table = csv.writer(file)
    table.writerow(["id", "a", "b", "y"])
    for number in range(options.rows):
        a, b = chance.random(), chance.random()
        table.writerow([number, f"{a:.6f}", f"{b:.6f}", f"{3 * a - 2 * b + 1 + chance.gauss(0, 0.05):.6f}"])
print(f"wrote {options.rows} rows to {options.output}")
