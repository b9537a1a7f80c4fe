"""Installs the program of this checkout into a venv of the job, and gives the path of its Python.

Dependencies come from requirements.txt by their hashes, as wheels. The program itself is copied, not built:
nothing of a build system needs to be fetched. It runs with `python -I`, which sees nothing but this venv.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
OLDEST = (3, 11)


def main() -> int:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        _annotate(
            f"python3 is {found}, and 3.11 is needed: use a newer image, or actions/setup-python before"
        )
        return 1
    place = Path(os.environ["RUNNER_TEMP"], "runner-program")
    stamp, wanted = place / "installed", _fingerprint()
    if not (stamp.is_file() and stamp.read_text() == wanted):  # else: called twice in this job
        _install(place)
        stamp.write_text(wanted)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as outputs:
        outputs.write(f"python={_python(place)}\nkeep={place / 'keep.py'}\n")
    return 0


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _install(place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    # The machine's pip serves the new venv: to put one inside would take longer than all the rest.
    _run(sys.executable, "-I", "-m", "venv", "--without-pip", str(place))
    _run(
        sys.executable, "-I", "-m", "pip", "--python", str(_python(place)), "install",
        "--quiet", "--disable-pip-version-check", "--no-deps", "--no-compile", "--only-binary", ":all:",
        "--require-hashes", "--requirement", str(HERE / "requirements.txt"),
    )  # fmt: skip
    site = sysconfig.get_path("purelib", "venv", {"base": str(place), "platbase": str(place)})
    for source, target in _parts():
        _copy(source, Path(site, target))
    shutil.copyfile(HERE / "keep.py", place / "keep.py")


def _run(*command: str) -> None:
    if subprocess.run(command, check=False).returncode:
        _annotate("the program could not be installed, see above")
        sys.exit(1)


def _annotate(text: str) -> None:
    sys.stdout.write(f"::error title=runner::{text}\n")


def _parts() -> list[tuple[Path, str]]:
    """What the wheel carries, and where: the one list in pyproject.toml."""
    import tomllib  # noqa: PLC0415  an older Python is to be told what it lacks

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    named = {package: package for package in wheel["packages"]} | wheel["force-include"]
    return [(ROOT / source, target) for source, target in named.items()]


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _fingerprint() -> str:
    """What is to be installed, in one line."""
    digest = hashlib.sha256(sys.version.encode())
    for source in [HERE, *(source for source, _ in _parts())]:
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(os.fsencode(path) + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
