"""What a piece of work costs, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_AROUND = """
import json, resource, sys, time
raw = sys.stdin.buffer.read()
{imports}
def yardstick():
    started = time.process_time()
    for turn in range(20):
        json.loads(json.dumps([{{"key": str(n), "value": [n]}} for n in range(1000)]))
    return time.process_time() - started
yardstick()  # the first one fills caches
before = yardstick()
started = time.process_time()
result = {work}
seconds = time.process_time() - started + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
yards = 2 * seconds / (before + yardstick())
# Not ru_maxrss: a process inherits that of the one that spawned it.
status = open("/proc/self/status").read()
peak = max(int(status.split("VmHWM:")[1].split()[0]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(json.dumps([yards, peak / 1024, result]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`yards` of processor time and `megabytes` at most, children included, and what the work gave.

    A yard is what a fixed piece of work took just before and just after, in the same process, so that
    a slow or busy machine measures the same.
    """

    yards: float
    megabytes: float
    result: Any


def measure(raw: bytes, *, imports: str, work: str, folder: Path) -> Cost:
    """Evaluate `work`, an expression that gives JSON, over `raw`, in `folder`."""
    done = subprocess.run(
        [sys.executable, "-c", _AROUND.format(imports=imports, work=work)],
        input=raw,
        capture_output=True,
        check=False,
        timeout=60,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    yards, megabytes, result = json.loads(done.stdout)
    return Cost(yards=yards, megabytes=megabytes, result=result)
