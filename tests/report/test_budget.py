"""The size budget: what gives way first, and that nothing is ever cut in the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from runner.report.budget import ESSENTIAL, LIMIT, Section, fit, joined, missing, size


def section(name: str, rank: int, *forms: str, title: str = "") -> Section:
    return Section(name=name, rank=rank, forms=forms, title=title)


VERDICT = section("verdict", ESSENTIAL, "VERDICT")
FAILURES = section("failures", ESSENTIAL, "F" * 900, "F" * 90)
TAILS = section("tails", 50, "t" * 400, "t" * 40, "", title="the ends of logs")
GOOD = section("good", 10, "g" * 300, "", title="what succeeded")


def test_what_fits_is_whole() -> None:
    text = fit([VERDICT, FAILURES, TAILS, GOOD], joined)
    assert text == "\n\n".join(["VERDICT", "F" * 900, "t" * 400, "g" * 300]) + "\n"


def test_the_least_important_gives_way_first() -> None:
    text = fit([VERDICT, FAILURES, TAILS, GOOD], joined, limit=1400)
    assert "t" * 400 in text
    assert "F" * 900 in text
    assert text.endswith("_Left out, too long to show here: what succeeded._\n")


def test_the_most_important_is_the_fullest_that_there_is_room_for() -> None:
    text = fit([VERDICT, FAILURES, TAILS, GOOD], joined, limit=1100)
    assert "F" * 900 in text
    assert "t" * 40 in text
    assert "t" * 41 not in text


def test_room_that_a_large_form_does_not_fill_is_used_by_others() -> None:
    text = fit([section("a", 90, "a" * 1000, "a"), section("b", 10, "b" * 50, "")], joined, limit=100)
    assert text == "a\n\n" + "b" * 50 + "\n"


def test_without_room_each_has_its_shortest_form() -> None:
    text = fit([VERDICT, FAILURES, TAILS, GOOD], joined, limit=1)
    assert text == f"VERDICT\n\n{'F' * 90}\n\n{missing(['what succeeded', 'the ends of logs'])}\n"


def test_among_equals_the_first_keeps_its_room() -> None:
    several = [section(f"{i}:x", 10, f"{i}" * 100, "", title="commands") for i in range(3)]
    text = fit(several, joined, limit=270)
    assert "0" * 100 in text
    assert "1" * 100 in text
    assert text.count("commands") == 1


def test_size_counts_as_the_forge_may_count() -> None:
    assert size("a") == size("é") == size("\ud800") == 1
    assert size("🎈") == 2
    assert LIMIT * 3 < 250_000  # no unit of UTF-16 takes more than three bytes


_sections = st.lists(
    st.builds(
        lambda name, rank, sizes, goes: section(
            name, rank, *(name * n for n in sorted(sizes, reverse=True)), *([""] if goes else []), title=name
        ),
        st.sampled_from("abcdefgh"),
        st.integers(1, 100),
        st.lists(st.integers(1, 500), min_size=1, max_size=4),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda made: made.name,
)


@given(_sections, st.integers(0, 3000))
def test_keeps_to_the_limit_wherever_the_shortest_forms_do(sections: list[Section], limit: int) -> None:
    forms: list[Mapping[str, str]] = []

    def layout(chosen: Mapping[str, str], left_out: Sequence[str]) -> str:
        forms.append(chosen)
        return joined(chosen, left_out)

    text = fit(sections, layout, limit=limit)
    shortest = joined(
        {made.name: made.forms[-1] for made in sections},
        [made.title for made in sorted(sections, key=lambda made: made.rank) if not made.forms[-1]],
    )
    assert size(text) <= max(limit, size(shortest))
    assert all(chosen[made.name] in made.forms for chosen in forms for made in sections)
