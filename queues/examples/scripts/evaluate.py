"""Measures a model on rows that it has not seen; writes the mean error and how many rows a second it does."""

import argparse
import csv
import json
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--data", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

model = json.loads(options.model.read_text())
(w1, w2), c = model["weights"], model["bias"]
with options.data.open(newline="") as file:
    rows = [(float(row["a"]), float(row["b"]), float(row["y"])) for row in csv.DictReader(file)]
start = time.perf_counter()
error = sum(abs(w1 * a + w2 * b + c - y) for a, b, y in rows) / len(rows)
speed = len(rows) / (time.perf_counter() - start)
options.output.write_text(json.dumps({"mean_error": error, "rows_per_second": speed}) + "\n")
print(f"mean error {error:.4f} on {len(rows)} rows, {speed:,.0f} rows a second")
