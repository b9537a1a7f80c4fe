"""The disk that a machine boots from: made once, by `image.sh`, and kept outside the checkout."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_RECIPE = Path(__file__).with_name("image.sh")
_SECONDS = 300


def ready() -> Path:
    """A folder with disk.ext4, vmlinuz and initrd; nobody writes to it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "queue-runner-tests"
    cache.mkdir(parents=True, exist_ok=True)
    made = cache / f"debian-{hashlib.sha256(_RECIPE.read_bytes()).hexdigest()[:16]}"
    with (cache / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(made, cache)
    return made


def _make(made: Path, cache: Path) -> None:
    for old in cache.glob("debian-*"):
        shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=cache, prefix="new-") as scratch:
        folder = Path(scratch) / "image"
        folder.mkdir()
        as_root = [] if os.geteuid() == 0 else ["sudo", "-n"]
        done = subprocess.run(
            [*as_root, "bash", str(_RECIPE), str(folder)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"the image cannot be made: {done.stderr}"
        folder.rename(made)
