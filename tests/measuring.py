"""What a piece of work costs, in yards: the time of a fixed piece of work, just before and after it.

So a slow or a busy machine measures the same. A yard is about 25 ms of a fast one.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import PATIENCE

ROOT = Path(__file__).parent.parent


def spent() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def yardstick() -> float:
    """Seconds of one yard."""
    started = spent()
    for _ in range(5):
        json.loads(json.dumps([{"key": str(n), "value": [n]} for n in range(1000)]))
    return 4 * (spent() - started)


@contextlib.contextmanager
def at_most(yards: float) -> Iterator[None]:
    """What is done within takes no more, the children included that end meanwhile."""
    before, started = yardstick(), spent()
    yield
    took = spent() - started
    used = 2 * took / (before + yardstick())
    assert used < yards, f"it took {used:.0f} yards ({took:.1f} s), and {yards:.0f} are allowed"


_AROUND = """
import json, resource, sys
from tests.measuring import spent, yardstick
raw = sys.stdin.buffer.read()
{imports}
yardstick()  # the first one fills caches
before = yardstick()
started = spent()
result = {work}
seconds = spent() - started
yards = 2 * seconds / (before + yardstick())
# Not ru_maxrss: a process inherits that of the one that spawned it.
status = open("/proc/self/status").read()
peak = max(int(status.split("VmHWM:")[1].split()[0]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(json.dumps([yards, peak / 1024, result]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`yards` of processor time and `megabytes` at most, children included, and what the work gave."""

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
        timeout=PATIENCE,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    yards, megabytes, result = json.loads(done.stdout)
    return Cost(yards=yards, megabytes=megabytes, result=result)
