"""Runs the tests of pricing.py and measures which of its lines they reach."""

import argparse
import json
import sys
from pathlib import Path
from types import CodeType

SMOKE = [((1, "guest"), 20), ((2, "guest"), 40)]
FULL = [*SMOKE, ((1, "member"), 18), ((10, "partner"), 160), ((20, "partner"), 315), ((100, "guest"), 1000)]

parser = argparse.ArgumentParser()
parser.add_argument("--suite", choices=["smoke", "full"], default="full")
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

source = Path(__file__).with_name("pricing.py")
code = compile(source.read_text(), str(source), "exec")
reached: set[int] = set()


def lines_of(part: CodeType) -> set[int]:
    inner = [lines_of(constant) for constant in part.co_consts if isinstance(constant, CodeType)]
    return {line for _, _, line in part.co_lines() if line}.union(*inner)


def watch(frame, event, _):
    if frame.f_code.co_filename != str(source):
        return None
    if event == "line":
        reached.add(frame.f_lineno)
    return watch


program: dict = {}
failed = 0
sys.settrace(watch)
exec(code, program)
for arguments, expected in SMOKE if options.suite == "smoke" else FULL:
    failed += program["price"](*arguments) != expected
sys.settrace(None)

percent = 100 * len(reached) / len(lines_of(code) | reached)
options.output.write_text(json.dumps({"totals": {"percent_covered": round(percent, 1)}}) + "\n")
print(f"{options.suite} suite: {failed} failed, {percent:.1f} % of the lines reached")
sys.exit(failed > 0)
