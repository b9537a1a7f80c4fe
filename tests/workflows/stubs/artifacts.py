"""What the two stubs of artifacts do: `artifacts.py upload|download`, told by the environment.

An artifact is STUB_ARTIFACTS/RUN/NAME.zip. The real actions put the same files at the same paths.
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

REFUSED = set('"<>|*?:\\\r\n')


def upload() -> None:
    place = _artifact(os.environ["GITHUB_RUN_ID"])
    source = Path(os.environ["FROM"])
    root = source if source.is_dir() else source.parent
    found = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file())
    if os.environ["HIDDEN"] != "true":
        found = [path for path in found if not any(part.startswith(".") for part in path.parts[1:])]
    if not found:
        return
    assert not any(REFUSED & set(str(path)) for path in found), "a name that the real one refuses"
    assert os.environ["OVERWRITE"] == "true" or not place.exists(), "the real one answers 409"
    place.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(place, "w") as archive:
        for path in found:
            archive.write(path, path.relative_to(root))


def download() -> None:
    with zipfile.ZipFile(_artifact(os.environ["RUN"])) as archive:
        archive.extractall(os.environ["TO"])


def _artifact(run: str) -> Path:
    return Path(os.environ["STUB_ARTIFACTS"], run, f"{os.environ['NAME']}.zip")


if __name__ == "__main__":
    {"upload": upload, "download": download}[sys.argv[1]]()
