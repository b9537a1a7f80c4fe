"""The image that machines boot: Debian 12, made once by mmdebstrap and kept outside of the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

SUITE = "bookworm"
PACKAGES = ("ca-certificates", "curl", "iproute2", "iptables", "procps", "python3")
"""What the images of clouds have beyond Debian's minimum, as far as a machine of ours needs it."""
_RECIPE = ("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE)
_SECONDS = 600


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(base) / "queue-runner-tests"


def image() -> Path:
    """Its folder; whoever comes first makes it (half a minute), the others wait. Never written to."""
    name = hashlib.sha256(repr(_RECIPE).encode()).hexdigest()[:16]
    folder = cache() / f"image-{name}"
    if folder.is_dir():
        return folder
    assert shutil.which("mmdebstrap"), "these tests need mmdebstrap: apt-get install mmdebstrap"
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _make(folder)
    return folder


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="image-", dir=cache()) as scratch:
        made = Path(scratch, "root")
        done = subprocess.run(
            [*_RECIPE, str(made)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": scratch, "LC_ALL": "C"} | _proxies(),
        )
        assert done.returncode == 0, f"mmdebstrap failed: {done.stderr[-2000:]}"
        made.rename(folder)


def _proxies() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
