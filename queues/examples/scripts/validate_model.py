"""Fails where a model is not what it should be: missing parts, weights that are no numbers."""

import json
import math
import sys
from pathlib import Path

model = json.loads(Path(sys.argv[1]).read_text())
missing = [part for part in ("weights", "bias") if part not in model]
if missing:
    sys.exit(f"Model missing {', '.join(missing)}")
for number, weight in enumerate([*model["weights"], model["bias"]]):
    if not math.isfinite(weight):
        sys.exit(f"weight {number} is {weight}")
print("Model validation passed")
