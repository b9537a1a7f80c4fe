"""Which files are kept, how, and what cannot hold the runner up."""

from __future__ import annotations

import hashlib
import json
import os
import resource
from pathlib import Path

import pytest

from runner import patterns
from runner.results import Collected, Collection, collect
from runner.results.collecting import LARGEST_MANIFEST


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    made = tmp_path / "checkout"
    made.mkdir()
    return made


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def gather(checkout: Path, *wanted: str, folder: str = "", most: int = LARGEST_MANIFEST) -> Collected:
    target = checkout.parent / "results"
    made = Collection(
        handle="run/a/1",
        job_id="a",
        attempt=1,
        patterns=wanted,
        folder=checkout / folder,
        checkout=checkout,
        target=target,
        most=most,
    )
    return collect(made)


def kept(checkout: Path) -> list[str]:
    manifest = json.loads((checkout.parent / "results/manifest.json").read_text())
    return [entry["path"] for entry in manifest["files"]]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.txt", ["a.txt"]),
        ("./a.txt", ["a.txt"]),
        ("*.txt", ["a.txt"]),
        ("d", ["d/b.txt", "d/e/c.txt", "d/e/x.csv"]),
        ("d/", ["d/b.txt", "d/e/c.txt", "d/e/x.csv"]),
        ("d/*.txt", ["d/b.txt"]),
        ("**/*.txt", ["a.txt", "d/b.txt", "d/e/c.txt"]),
        ("d/**", ["d/b.txt", "d/e/c.txt", "d/e/x.csv"]),
        ("**/e/?.[ct]*", ["d/e/c.txt", "d/e/x.csv"]),
        (".hidden", [".hidden"]),
        ("nothing", []),
        ("a.txt/b", []),
        ("[", []),
    ],
)
def test_a_pattern(checkout: Path, pattern: str, found: list[str]) -> None:
    put(checkout, "a.txt", "d/b.txt", "d/e/c.txt", "d/e/x.csv", ".hidden")
    assert [str(path.relative_to(checkout)) for path in patterns.files(checkout, pattern)] == found


def test_the_layout_is_kept_and_every_file_hashed(checkout: Path) -> None:
    put(checkout, "sub/out/x", "sub/y")
    done = gather(checkout, "out", "y", "none", folder="sub")
    assert (done.files, done.bytes, done.missing, done.error) == (2, 14, ("none",), "")
    manifest = json.loads((checkout.parent / "results/manifest.json").read_text())
    assert manifest["files"][0] == {
        "path": "out/x",
        "size": 9,
        "sha256": hashlib.sha256(b"sub/out/x").hexdigest(),
    }


def test_to_collect_twice_gives_the_same(checkout: Path) -> None:
    put(checkout, "a")
    first = gather(checkout, "a")
    text = (checkout.parent / "results/manifest.json").read_bytes()
    assert gather(checkout, "a") == first
    assert (checkout.parent / "results/manifest.json").read_bytes() == text


def test_a_later_change_does_not_reach_what_was_kept(checkout: Path) -> None:
    put(checkout, "a")
    gather(checkout, "a")
    with (checkout / "a").open("a") as file:
        file.write("more")
    assert (checkout.parent / "results/a").read_text() == "a"


def test_a_manifest_of_the_jobs_own_is_kept_too(checkout: Path) -> None:
    put(checkout, "manifest.json")
    gather(checkout, "manifest.json")
    assert kept(checkout) == ["manifest.json.1"]
    assert (checkout.parent / "results/manifest.json.1").read_text() == "manifest.json"


def test_pipes_sockets_and_dead_links_are_passed_over(checkout: Path) -> None:
    put(checkout, "out/a")
    os.mkfifo(checkout / "out/pipe")
    (checkout / "out/dead").symlink_to("nowhere")
    assert gather(checkout, "out", "out/pipe").missing == ("out/pipe",)
    assert kept(checkout) == ["out/a"]


def test_a_loop_of_links_ends(checkout: Path) -> None:
    put(checkout, "out/a")
    for name in ("one", "two", "three"):
        (checkout / "out" / name).symlink_to(".")
    gather(checkout, "out", "**/a", "out/**")
    assert kept(checkout) == ["out/a"]


def test_a_link_inside_the_checkout_is_followed(checkout: Path) -> None:
    put(checkout, "models/v2/m.bin")
    (checkout / "latest").symlink_to("models/v2")
    gather(checkout, "latest/m.bin")
    assert kept(checkout) == ["latest/m.bin"]


@pytest.mark.parametrize("pattern", ["link", "link/passwd", "../outside", "deep/../../outside"])
def test_what_leads_out_of_the_checkout_is_refused(checkout: Path, pattern: str) -> None:
    put(checkout, "deep/x")
    put(checkout.parent, "outside")
    (checkout / "link").symlink_to("/etc")
    assert "out of the checkout" in gather(checkout, pattern).error


def test_an_absolute_path_loses_its_first_slash(checkout: Path) -> None:
    put(checkout.parent, "elsewhere/model.bin")
    path = str(checkout.parent / "elsewhere/model.bin")
    gather(checkout, path)
    assert kept(checkout) == [path[1:]]


def test_names_that_are_not_text(checkout: Path) -> None:
    (checkout / os.fsdecode(b"caf\xe9\n")).write_text("x")
    gather(checkout, "caf*")
    assert kept(checkout) == [os.fsdecode(b"caf\xe9\n")]


def test_a_folder_in_the_place_of_a_result_is_the_jobs_trouble(checkout: Path) -> None:
    put(checkout, "a")
    put(checkout.parent, "results/a/in/the/way")
    assert "a folder has its place" in gather(checkout, "a").error


def test_more_than_can_be_listed_is_the_jobs_trouble(checkout: Path) -> None:
    """A manifest that nobody reads to its end would be none, and all of its files lost without a word."""
    put(checkout, *(f"{number:03}" for number in range(200)))
    assert gather(checkout, "00*", most=20_000).files == 10
    said = gather(checkout, "*", most=20_000)
    assert said.error == "200 result files are too many to be listed: pack them"


def test_what_cannot_be_written_whole_leaves_the_disk_as_it_was(checkout: Path) -> None:
    with (checkout / "large").open("wb") as file:
        file.truncate(2 << 20)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, most))
    try:
        said = gather(checkout, "large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert said.error.startswith("result files cannot be kept: File too large: ")
    assert sorted(path.name for path in checkout.parent.iterdir()) == ["checkout", "results"]
