"""The drawn graph says what the graph is: every drawing is read back, lane by lane."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.report import drawing

GOES_LEFT, GOES_RIGHT, GOES_ON = set("┤┼╯┴"), set("├┼╰┴"), set("│├┤┼")
NODES = set("○●◇◆")


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """Any acyclic graph, its numbers in any order."""
    count = draw(st.integers(1, 14))
    name = draw(st.permutations(range(count)))
    parents: list[list[int]] = [[] for _ in range(count)]
    for number in range(1, count):
        found = draw(st.sets(st.integers(0, number - 1), max_size=4))
        parents[name[number]] = [name[parent] for parent in found]
    return parents


def read_back(rows: list[drawing.Row]) -> list[set[int]]:
    """The parents of each node as a person sees them: what comes from above, and what a line leads to."""
    parents: list[set[int]] = [set() for _ in rows]
    lanes: dict[int, int] = {}
    for row in rows:
        at = next(column for column, char in enumerate(row.lanes) if char in NODES)
        begins = row.lanes[at] in "○◇"
        if at in lanes and not begins:
            parents[row.node].add(lanes[at])
        for column in lanes.keys() - {at}:
            if row.lanes[column] in (GOES_RIGHT if column < at else GOES_LEFT):
                parents[row.node].add(lanes[column])
        lanes = {column: source for column, source in lanes.items() if row.lanes[column] in GOES_ON}
        lanes[at] = row.node
    return parents


@given(parents=graphs(), order=st.sampled_from([drawing.file_order, drawing.depth_first]))
def test_a_drawing_says_what_the_graph_is(parents: list[list[int]], order: object) -> None:
    numbers = order(parents)  # type: ignore[operator]
    assert sorted(numbers) == list(range(len(parents)))
    assert read_back(drawing.draw(parents, numbers)) == [set(row) for row in parents]


@given(parents=graphs())
def test_lines_run_from_the_node_to_the_lane_without_a_gap(parents: list[list[int]]) -> None:
    for row in drawing.draw(parents, drawing.file_order(parents)):
        joints = [c for c, char in enumerate(row.lanes) if char in NODES | GOES_LEFT | GOES_RIGHT]
        assert " " not in row.lanes[min(joints) : max(joints) + 1]


def drawn(parents: list[list[int]], **more: frozenset[int]) -> list[str]:
    return [row.lanes.rstrip() for row in drawing.draw(parents, drawing.file_order(parents), **more)]


def test_a_chain_and_beginnings_do_not_look_alike() -> None:
    assert drawn([[], [0], [1]]) == ["○", "●", "●"]
    assert drawn([[], [], []]) == ["○", "○", "○"]


def test_branches_go_out_and_come_together() -> None:
    assert drawn([[], [0], [0], [0], [1, 2, 3], [4]]) == ["○", "├─●", "├─│─●", "● │ │", "●─┴─╯", "●"]


def test_lanes_cross_what_they_have_nothing_to_do_with() -> None:
    assert drawn([[], [], [], [0], [0, 2]]) == ["○", "│ ○", "│ ○", "├─│─●", "●─╯"]


def test_nothing_seems_to_follow_from_a_node_that_ended() -> None:
    # 1 ends in the second column; 2 waits for 0 alone and must not stand below it.
    assert drawn([[], [0], [0], [0]]) == ["○", "├─●", "├───●", "●"]


def test_handlers_have_a_mark_of_their_own() -> None:
    assert drawn([[], [0], []], handlers=frozenset({1, 2})) == ["○", "◆", "◇"]


def test_twins_share_parents_and_children() -> None:
    parents = [[], [0], [0], [0], [1, 2], [3]]
    assert drawing.twins(parents) == [[0], [1, 2], [3], [4], [5]]
    assert drawing.twins(parents, frozenset({2})) == [[0], [1], [2], [3], [4], [5]]
    assert drawing.merged(parents, drawing.twins(parents)) == [[], [0], [0], [1], [2]]


@pytest.mark.parametrize(
    ("text", "ascii_text"),
    [("├─│─●", "+-|-*"), ("●─┴─╯ a → b", "*-+-' a -> b"), ("… × · ≤ ○", "... x - <= o"), ("é 🎈", "? ?")],
)
def test_ascii_has_a_counterpart_for_every_line(text: str, ascii_text: str) -> None:
    assert drawing.plain(text) == ascii_text


def test_every_glyph_has_an_ascii_counterpart() -> None:
    assert "?" not in drawing.plain("".join(sorted(NODES | GOES_LEFT | GOES_RIGHT | GOES_ON | {"─"})))
