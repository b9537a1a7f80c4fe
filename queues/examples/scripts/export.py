"""Writes a model as a function that another program can use."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

model = json.loads(options.model.read_text())
(w1, w2), c = model["weights"], model["bias"]
options.output.write_text(
    f"double predict(double a, double b) {{ return {w1:.9f} * a + {w2:.9f} * b + {c:.9f}; }}\n"
)
print(options.output.read_text(), end="")
