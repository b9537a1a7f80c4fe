"""Fits y = w1·a + w2·b + c by gradient descent; writes model.json and metrics.json.

The same input makes the same bytes, and each file appears whole: it is written beside and renamed.
"""

import argparse
import csv
import json
import os
from pathlib import Path


def write(path: Path, value: object) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(value, indent=1) + "\n")
    beside.replace(path)


parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True, help="folder")
parser.add_argument("--epochs", type=int, default=200)
options = parser.parse_args()

with options.data.open(newline="") as file:
    rows = [(float(row["a"]), float(row["b"]), float(row["y"])) for row in csv.DictReader(file)]
w1 = w2 = c = 0.0
for _ in range(options.epochs):
    errors = [(w1 * a + w2 * b + c - y, a, b) for a, b, y in rows]
    w1 -= 0.8 * sum(error * a for error, a, _ in errors) / len(rows)
    w2 -= 0.8 * sum(error * b for error, _, b in errors) / len(rows)
    c -= 0.8 * sum(error for error, _, _ in errors) / len(rows)
loss = sum((w1 * a + w2 * b + c - y) ** 2 for a, b, y in rows) / len(rows)

options.output.mkdir(parents=True, exist_ok=True)
write(options.output / "model.json", {"weights": [w1, w2], "bias": c})
write(options.output / "metrics.json", {"epochs": options.epochs, "rows": len(rows), "loss": loss})
print(f"{len(rows)} rows, {options.epochs} epochs: loss {loss:.5f}")
print(f"y = {w1:.3f}·a + {w2:.3f}·b + {c:.3f}")
