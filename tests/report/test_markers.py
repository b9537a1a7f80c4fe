"""Markers: found again exactly, forged by nobody; racing publishers agree on which comment to keep."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report.markers import (
    DEEDS,
    HISTORY,
    KINDS,
    REQUESTED_JOBS,
    VERDICTS,
    Marker,
    Posted,
    Request,
    Superseded,
    choose,
    line,
    parse,
)

BOT = "github-actions[bot]"
MARKER = Marker(kind="plan", subject="12", generation=7)
PAST = Superseded(sha="0123456789abcdef", verdict="planned", queues=1, jobs=8, digest="sha256:" + "ab" * 32)
_past = st.builds(
    Superseded,
    sha=st.text("0123456789abcdef", min_size=7, max_size=64),
    verdict=st.sampled_from(VERDICTS),
    queues=st.integers(0, 10**6),
    jobs=st.integers(0, 10**6),
    digest=st.sampled_from(["", PAST.digest]),
)
_markers = st.builds(
    Marker,
    kind=st.sampled_from(KINDS),
    subject=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", fullmatch=True),
    generation=st.integers(0, 2**63 - 1),
    current=st.none() | _past,
    history=st.lists(_past, max_size=HISTORY).map(tuple),
)


_ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True)
_replies = st.builds(
    Marker,
    kind=st.just("reply"),
    subject=st.integers(1, 2**63).map(str),
    generation=st.integers(1, 2),
    claim=st.just("") | st.from_regex(r"[0-9]{1,19}\.[0-9]{1,9}\.[0-9a-f]{8}", fullmatch=True),
    request=st.none()
    | st.builds(
        Request,
        do=st.sampled_from(DEEDS),
        run=_ids,
        on=st.integers(0, 2**63 - 1),
        jobs=st.lists(_ids, max_size=REQUESTED_JOBS).map(tuple),
    ),
)
REPLY = Marker(
    kind="reply", subject="9", generation=1, request=Request(do="cancel", run="a-1", on=7, jobs=("b",))
)


def posted(
    number: int, *, author: str = BOT, generation: int = 1, hidden: bool = False, **fields: str
) -> Posted:
    marker = Marker(kind="plan", subject=fields.get("subject", "12"), generation=generation)
    return Posted(comment_id=number, author=author, body=f"{line(marker)}\ntext", minimized=hidden)


def test_looks_as_documented() -> None:
    assert line(MARKER) == '<!-- runner:plan {"generation":7,"subject":"12"} -->'


@given(_markers | _replies)
def test_comes_back_as_it_was(marker: Marker) -> None:
    text = line(marker)
    assert "\n" not in text
    assert text.count("-->") == 1
    assert parse(f"{text}\nbody") == marker
    assert parse(f"{text}\r\nbody") == marker


@pytest.mark.parametrize(
    "body",
    [
        "",
        "text",
        f"\n{line(MARKER)}",
        f" {line(MARKER)}",
        f"> {line(MARKER)}",
        f"text {line(MARKER)}",
        f"{line(MARKER)} text",
        line(MARKER).replace("plan", "other"),
        line(MARKER).replace("runner:", "walker:"),
        line(MARKER).replace("7", "7.5"),
        line(MARKER).replace("7", "true"),
        line(MARKER).replace("7", "-1"),
        line(MARKER).replace("7", "9" * 30),
        line(MARKER).replace("7", "NaN"),
        line(MARKER).replace('"12"', "12"),
        line(MARKER).replace('"12"', '"a b"'),
        line(MARKER).replace('"12"', '"12","more":1'),
        line(MARKER).replace('"generation":7,', ""),
        line(MARKER).replace('"subject"', '"history":[["x","planned",1,1,""]],"subject"'),
        line(MARKER).replace('"subject"', '"history":7,"subject"'),
        line(MARKER).replace('"subject"', '"current":["0123456","won",1,1,""],"subject"'),
        "<!-- runner:plan " + "[" * 5000 + " -->",
        "<!-- runner:plan {" + "[" * 5000 + "} -->",
        "<!-- runner:plan {} -->",
        "<!-- runner:plan {\u200b} -->",
    ],
)
def test_anything_else_is_no_marker(body: str) -> None:
    assert parse(body) is None


@pytest.mark.parametrize(
    "body",
    [
        line(REPLY).replace("runner:reply", "runner:plan"),
        line(REPLY).replace("runner:reply", "runner:live"),
        line(REPLY).replace('"cancel"', '"delete"'),
        line(REPLY).replace('"cancel"', "1"),
        line(REPLY).replace('["b"]', '"b"'),
        line(REPLY).replace('["b"]', '["b",1]'),
        line(REPLY).replace('["b"]', '["../b"]'),
        line(REPLY).replace('["b"]', f"[{','.join(['1'] * 101)}]"),
        line(REPLY).replace('"on":7', '"on":"7"'),
        line(REPLY).replace('"on":7,', ""),
        line(REPLY).replace('"on":7', '"on":7,"more":1'),
        line(REPLY).replace('"a-1"', '"a/1"'),
        line(MARKER).replace('"subject"', '"claim":"1.1.00000000","subject"'),
        line(MARKER).replace('"subject"', '"run":"a-1","subject"'),
        line(REPLY).replace('"generation"', '"claim":"1.1","generation"'),
        line(REPLY).replace('"generation"', '"run":"a-1","generation"'),
    ],
)
def test_a_request_is_strict_and_a_replys_own(body: str) -> None:
    assert parse(line(REPLY)) == REPLY
    assert parse(body) is None


def test_history_of_more_than_five_lines_is_no_marker() -> None:
    text = line(Marker(kind="plan", subject="1", generation=1, history=(PAST,) * 9))
    found = parse(text)
    assert found is not None
    assert len(found.history) == HISTORY
    entry = '["0123456","planned",1,1,""]'
    forged = line(MARKER).replace('"subject"', f'"history":[{",".join([entry] * 6)}],"subject"')
    assert parse(forged) is None


@pytest.mark.parametrize("subject", ["", "a b", "x" * 129, "-->", "ä"])
def test_a_subject_that_could_not_be_read_again_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="cannot be read again"):
        line(Marker(kind="plan", subject=subject, generation=1))


class TestChoose:
    def test_none_of_ours(self) -> None:
        foreign = [Posted(comment_id=n, author=f"u{n}", body="hello") for n in range(130)]
        assert choose(foreign, "plan", BOT).keep is None

    def test_ours_among_many(self) -> None:
        foreign = [Posted(comment_id=n, author=BOT, body="hello") for n in range(130)]
        ours = posted(500, generation=3)
        found = choose([*foreign, ours], "plan", BOT)
        assert found.keep == ours
        assert found.minimize == ()
        assert found.newest == Marker(kind="plan", subject="12", generation=3)

    @pytest.mark.parametrize("author", ["mallory", "", "github-actions", "github-actions[bot]x"])
    def test_a_marker_by_somebody_else_is_theirs(self, author: str) -> None:
        assert choose([posted(1, author=author, generation=99)], "plan", BOT).newest is None

    def test_an_author_without_a_name_has_no_comments(self) -> None:
        assert choose([posted(1, author="")], "plan", "").keep is None

    def test_a_login_is_the_same_in_any_case(self) -> None:
        assert choose([posted(1, author="Octo-Bot")], "plan", "octo-bot").keep is not None

    def test_duplicates_in_any_order_keep_the_oldest(self) -> None:
        made = [posted(3, generation=9), posted(1, generation=4), posted(2)]
        for comments in (made, made[::-1]):
            found = choose(comments, "plan", BOT)
            assert found.keep == made[1]
            assert found.minimize == (made[2], made[0])
            assert found.newest is not None
            assert found.newest.generation == 9  # though a duplicate says it: older must not be written

    def test_what_is_minimized_is_not_minimized_again(self) -> None:
        made = [posted(1, hidden=True), posted(2), posted(3, hidden=True)]
        found = choose(made, "plan", BOT)
        assert found.keep == made[1]
        assert found.minimize == ()

    def test_the_only_one_is_kept_though_somebody_minimized_it(self) -> None:
        assert choose([posted(1, hidden=True)], "plan", BOT).keep is not None

    def test_by_subject(self) -> None:
        comments = [posted(1, subject="a"), posted(2, subject="b")]
        assert choose(comments, "plan", BOT, "b").keep == comments[1]
        assert choose(comments, "live", BOT, "b").keep is None
