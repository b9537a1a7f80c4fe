"""Fails where a model's mean error is above the threshold."""

import argparse
import json
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("benchmark", type=Path)
parser.add_argument("--threshold", type=float, default=0.1)
options = parser.parse_args()

error = json.loads(options.benchmark.read_text())["mean_error"]
if error > options.threshold:
    parser.exit(1, f"mean error {error:.4f} is above {options.threshold}\n")
print(f"mean error {error:.4f} is at most {options.threshold}")
