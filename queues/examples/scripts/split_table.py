"""Cuts a table into chunks of about equal size: chunk-0.csv, chunk-1.csv, …"""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--input", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True, help="folder")
parser.add_argument("--num-chunks", type=int, required=True)
options = parser.parse_args()

with options.input.open(newline="") as file:
    header, *rows = csv.reader(file)
for number in range(options.num_chunks):
    with (options.output / f"chunk-{number}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows[number :: options.num_chunks]])
print(f"cut {len(rows)} rows into {options.num_chunks} chunks")
