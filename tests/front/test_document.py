from __future__ import annotations

import io
import json
import math
import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from runner.document import Document, locate, parse, place
from runner.problems import Problem
from tests.front.hostile_documents import HOSTILE
from tests.measuring import measure


def tree_of(text: str, name: str = "q.yaml") -> Any:
    parsed = parse(text.encode(), name)
    assert isinstance(parsed, Document), parsed
    return parsed.tree


def problems_of(text: str | bytes, name: str = "q.yaml") -> list[str]:
    parsed = parse(text if isinstance(text, bytes) else text.encode(), name)
    assert isinstance(parsed, list), parsed
    return [f"{p.location} {p.rule}: {p.message} ({p.hint})" for p in parsed]


class TestValues:
    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("on", "on"),
            ("yes", "yes"),
            ("no", "no"),
            ("true", True),
            ("False", False),
            ("tRue", "tRue"),
            ("~", None),
            ("", None),
            ("Null", None),
            ("2026-11-22", "2026-11-22"),
            ("12:30:45", "12:30:45"),
            ("010", 10),
            ("0o17", 15),
            ("0x1F", 31),
            ("0b11", "0b11"),
            ("1_000", "1_000"),
            ("-7", -7),
            ("+7", 7),
            ("1.10", 1.1),
            ("1e3", 1000.0),
            (".5", 0.5),
            ("1.", 1.0),
            ("1.2.3", "1.2.3"),
            ("-", None),  # see below: a list with nothing in it
            ("'10'", "10"),
            ("!!str 10", "10"),
            ("! 10", "10"),
            ("!!int '10'", 10),
            ("!!float 3", 3),
            ("!!null ''", None),
            ("|\n  a\n  b\n", "a\nb\n"),
            (">\n  a\n  b\n", "a b\n"),
            ('"\\x41\\u0042"', "AB"),
            ("9223372036854775807", 2**63 - 1),
        ],
    )
    def test_scalars_follow_the_core_schema_of_yaml_1_2(self, text: str, value: Any) -> None:
        if text == "-":
            assert tree_of("a:\n  -\n") == {"a": [None]}
            return
        found = tree_of(f"a: {text}")["a"]
        assert found == value
        assert type(found) is type(value)

    def test_merge_keys_give_way_to_own_keys_and_earlier_mappings_win(self) -> None:
        text = """\
            one: &one {a: 1, b: 1}
            two: &two {b: 2, c: 2}
            both: {<<: [*one, *two], c: 3}
            late: {c: 4, <<: *two}
            text: {"<<": kept}
        """
        tree = tree_of(textwrap.dedent(text))
        assert tree["both"] == {"a": 1, "b": 1, "c": 3}
        assert tree["late"] == {"b": 2, "c": 4}
        assert tree["text"] == {"<<": "kept"}

    def test_a_merge_does_not_change_the_mapping_that_is_merged(self) -> None:
        tree = tree_of("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b, x: 3}\n")
        assert tree == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 2}}

    def test_an_anchor_may_be_set_again(self) -> None:
        assert tree_of("a: &x 1\nb: *x\nc: &x 2\nd: *x\n") == {"a": 1, "b": 1, "c": 2, "d": 2}

    def test_a_byte_order_mark_is_no_part_of_the_text(self) -> None:
        assert parse(b"\xef\xbb\xbfa: 1", "q.yaml").tree == {"a": 1}  # type: ignore[union-attr]
        assert parse(b'\xef\xbb\xbf{"a": 1}', "q.json").tree == {"a": 1}  # type: ignore[union-attr]

    def test_json_is_read_as_json_whatever_its_name(self) -> None:
        text = '{"a": [1, 2.5, true, null, "\\ud83d\\ude00\\/"], "b": {}}'
        for name in ("q.json", "q.yaml", "-"):
            assert tree_of(text, name) == {"a": [1, 2.5, True, None, "😀/"], "b": {}}

    def test_flow_yaml_is_yaml(self) -> None:
        assert tree_of("{a: 1, b: [x, 'y']}") == {"a": 1, "b": ["x", "y"]}

    def test_a_file_of_markers_only_is_nothing(self) -> None:
        assert tree_of("---\n...\n") is None


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcdefgh<-_ :#'\"éß", min_size=1, max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


class TestDifferential:
    @given(JSON_LIKE, st.booleans())
    @settings(max_examples=80, deadline=None)
    def test_what_ruamel_writes_is_read_as_ruamel_reads_it(self, tree: Any, flow: bool) -> None:
        yaml = YAML(typ="safe", pure=False)
        yaml.default_flow_style = flow
        text = io.StringIO()
        yaml.dump({"top": tree}, text)
        ours = parse(text.getvalue().encode(), "q.yaml")
        theirs = YAML(typ="safe", pure=False).load(text.getvalue())
        assert isinstance(ours, Document)
        assert ours.tree == theirs

    @given(JSON_LIKE)
    @settings(max_examples=80, deadline=None)
    def test_json_through_both_ways_is_the_same(self, tree: Any) -> None:
        text = json.dumps({"top": tree}, ensure_ascii=False)
        as_json = parse(text.encode(), "q.json")
        as_yaml = parse(("---\n" + text).encode(), "q.yaml")
        assert isinstance(as_json, Document)
        assert isinstance(as_yaml, Document)
        assert as_json.tree == json.loads(text)
        assert as_yaml.tree == as_json.tree

    def test_anchors_and_merges_are_read_as_ruamel_reads_them(self) -> None:
        text = """\
            x-base: &base {env: &env {A: "1"}, list: &list [1, *env]}
            jobs:
              - <<: *base
                id: a
              - <<: [{id: b, env: 2}, *base]
                more: [*list, *env]
        """
        assert tree_of(textwrap.dedent(text)) == YAML(typ="safe", pure=False).load(textwrap.dedent(text))


class TestPositions:
    TEXT = textwrap.dedent("""\
        queue_id: q
        x-base: &base
          environment: {A: "1"}
        jobs:
          - job_id: a
            command: |
              two
              lines
          - <<: *base
            job_id: b
            depends_on: [a, 'ä', c]
          - *base
    """)

    @pytest.mark.parametrize(
        ("route", "at_key", "place"),
        [
            ((), False, (1, 1)),
            (("queue_id",), False, (1, 11)),
            (("queue_id",), True, (1, 1)),
            (("jobs",), False, (5, 3)),
            (("jobs", 0), False, (5, 5)),
            (("jobs", 0, "command"), False, (6, 14)),
            (("jobs", 1, "depends_on", 2), False, (11, 26)),
            (("jobs", 1, "depends_on", 7), False, (11, 17)),
            (("jobs", 1, "environment", "A"), False, (9, 5)),  # came by <<: the mapping it came into
            (("jobs", 1, "environment"), True, (9, 5)),
            (("jobs", 2, "environment", "A"), False, (12, 5)),  # came by an alias: where that stands
            (("jobs", 9, "command"), False, (5, 3)),
            (("nowhere", 1, "x"), False, (1, 1)),
        ],
    )
    def test_a_route_leads_to_line_and_column(self, route: Any, at_key: bool, place: tuple[int, int]) -> None:
        parsed = parse(self.TEXT.encode(), "q.yaml")
        assert isinstance(parsed, Document)
        found = locate(parsed, route, at_key)
        assert (found.file, found.line, found.column) == ("q.yaml", *place)

    def test_json_has_positions_too(self) -> None:
        text = '{\n  "queue_id": "q",\n  "jobs": [\n    {"job_id": "a", "a\\"b": [1, 2]}\n  ]\n}\n'
        parsed = parse(text.encode(), "q.json")
        assert isinstance(parsed, Document)
        assert str(locate(parsed, ("jobs", 0, 'a"b', 1))) == "q.json:4:33"
        assert str(locate(parsed, ("jobs", 0, 'a"b'), at_key=True)) == "q.json:4:21"
        assert str(locate(parsed, ("queue_id",))) == "q.json:2:15"

    def test_many_problems_are_placed_in_one_pass_and_those_with_a_place_keep_it(self) -> None:
        parsed = parse(self.TEXT.encode(), "q.yaml")
        assert isinstance(parsed, Document)
        problems = [Problem(rule="r", message=str(i), route=("jobs", i % 3)) for i in range(500)]
        problems.append(locate_problem := problems[0].placed(locate(parsed, ("queue_id",))))
        placed = place(parsed, problems)
        assert [p.location.line for p in placed if p.location][:3] == [5, 9, 12]
        assert placed[-1] == locate_problem

    def test_a_problem_may_name_a_second_line(self) -> None:
        parsed = parse(self.TEXT.encode(), "q.yaml")
        assert isinstance(parsed, Document)
        problem = Problem(rule="r", message="taken", route=("jobs", 1), also=("jobs", 0))
        assert place(parsed, [problem])[0].message == "taken, in line 5"


class TestRefused:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "q.yaml empty: the file is empty"),
            ("# only a comment\n", "q.yaml empty: the file is empty"),
            (
                "a: 1\nb:\n  c: 1\n  c: 2\n",
                "q.yaml:4:3 duplicate-key: the key `c` stands twice in one mapping, first in line 3",
            ),
            ("a:\n\t- b\n", "q.yaml:2:1 yaml-syntax: a tab indents this line (YAML allows spaces only)"),
            ("a: 1\n\tb: 2\n", "q.yaml:2:1 yaml-syntax: a tab indents this line"),
            ("a: b: c\n", "q.yaml:1:5 yaml-syntax: a `:` is not expected here"),
            ("a: [1, 2\nb: 3\n", "q.yaml:1:4 yaml-syntax: a list in [brackets] is not closed"),
            ("a: {b: 1\n", "q.yaml:1:4 yaml-syntax: a mapping in {braces} is not closed"),
            ("a: 'x\n", "q.yaml:1:4 yaml-syntax: a quoted text has no end"),
            ("a: @x\n", "q.yaml:1:4 yaml-syntax: a value cannot start with @ (quote it)"),
            ("a:\n  - b\n c: d\n", "q.yaml:3:2 yaml-syntax: this line does not fit"),
            ('a: "\\q"\n', "q.yaml:1:5 yaml-syntax: the backslash starts no known escape"),
            ("a: 1\n---\nb: 2\n", "q.yaml:2:1 documents: a second document starts here"),
            ("a: *b\n", "q.yaml:1:4 alias: *b is used, and nothing before it is marked &b"),
            ("a: &a [*a]\n", "q.yaml:1:8 alias: *a stands inside of what it means"),
            (
                "a: !!python/object/apply:os.system [x]\n",
                "q.yaml:1:4 tag: the tag !!python/object/apply:os.system is not known",
            ),
            ("a: !secret x\n", "q.yaml:1:4 tag: the tag !secret is not known"),
            ("a: !!int x\n", "q.yaml:1:4 tag: the value is not what its tag !!int says"),
            ("1: a\n", "q.yaml:1:1 key-type: a key must be text, not a number (quote it)"),
            ("true: a\n", "q.yaml:1:1 key-type: a key must be text, not true or false"),
            ("? [a]\n: b\n", "key-type: a key must be text, not a list or a mapping"),
            ("a: {<<: 1}\n", "q.yaml:1:9 merge: `<<` takes a mapping, or a list of mappings"),
            ("a: &a {b: 1}\nc: {<<: *a, <<: *a}\n", "q.yaml:2:13 duplicate-key: `<<` stands twice"),
            ("a: .inf\n", "q.yaml:1:4 number: .inf is not a number that a queue can use"),
            ("a: .nan\n", "q.yaml:1:4 number: .nan is not a number"),
            ("a: 1e999\n", "q.yaml:1:4 number: the number is too large"),
            ("a: 9223372036854775808\n", "q.yaml:1:4 number: the integer is too large"),
            ("a: " + "9" * 500, "q.yaml:1:4 number: an integer of 500 digits is too large"),
            ('a: "x\\0y"\n', "q.yaml:1:4 encoding: the text holds a NUL"),
            ("a: \x01\n", "q.yaml:1:4 encoding: the control character U+0001 is not allowed"),
            ("a: \0\n", "q.yaml:1:4 encoding: the file holds a NUL byte"),
        ],
    )
    def test_yaml(self, text: str, expected: str) -> None:
        assert any(expected in line for line in problems_of(text)), problems_of(text)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "q.json:1:1 json-syntax: the file is empty"),
            ('{"a": 1,}', "q.json:1:9 json-syntax: a comma stands before the closing bracket"),
            (
                '{"a": 1,\n "b": {"c": 1, "c": 2},\n "a": 3}',
                "q.json:2:16 duplicate-key: the key `c` stands twice",
            ),
            (
                '{"a": 1,\n "b": {"c": 1, "c": 2},\n "a": 3}',
                "q.json:3:2 duplicate-key: the key `a` stands twice in one mapping, first in line 1",
            ),
            ("{a: 1}", "q.json:1:2 json-syntax: a key in double quotes is expected here"),
            ('{"a": NaN}', "q.json:1:7 number: NaN is not a number that a queue can use"),
            ('{"a": -Infinity}', "q.json:1:7 number: -Infinity is not a number"),
            ('{"a": 1e999}', "q.json:1:7 number: the number is too large"),
            ('{"a": 9223372036854775808}', "q.json:1:7 number: the integer is too large"),
            ('{"a": ' + "1" * 5000 + "}", "q.json:1:7 number: an integer of 5000 digits is too large"),
            ('{"a": "\\ud800"}', "q.json:1:7 encoding: the text holds a NUL or half of a surrogate pair"),
            ('{"a": "\\u0000"}', "q.json:1:7 encoding: the text holds a NUL"),
            ('{"a": 1} x', "q.json:1:10 json-syntax: there is more text after the end"),
            ('{"a": "x', "q.json:1:7 json-syntax: the string that starts here has no end"),
            ('{"a": 1 "b": 2}', "q.json:1:9 json-syntax: a comma or a closing bracket is expected here"),
            ("queue_id: q", "q.json:1:1 json-syntax: a value is expected here"),
            ("// x\n{}", "q.json:1:1 json-syntax: JSON has no comments"),
        ],
    )
    def test_json(self, text: str, expected: str) -> None:
        found = problems_of(text, "q.json")
        assert any(expected in line for line in found), found

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            ("a: 1".encode("utf-16"), "q.yaml encoding: the file is UTF-16 or UTF-32, not UTF-8"),
            ("a: 1".encode("utf-16-le"), "encoding: the file is UTF-16"),
            (b"a: 1\nb: \xff", "q.yaml:2:4 encoding: byte 0xff is not UTF-8"),
            ("a: ä\nb: ö".encode("latin-1"), "q.yaml:1:4 encoding: byte 0xe4 is not UTF-8"),
            (b"a: " + b"x" * (10 * 1024 * 1024), "q.yaml too-large: the file is 10.0 MiB"),
        ],
    )
    def test_bytes(self, raw: bytes, expected: str) -> None:
        assert any(expected in line for line in problems_of(raw)), problems_of(raw)

    def test_depth(self) -> None:
        assert tree_of("[" * 64 + "]" * 64)
        for name in ("q.json", "q.yaml"):
            assert "1:65 too-deep" in problems_of("[" * 65 + "]" * 65, name)[0]
        assert "too-deep" in problems_of("- " * 65 + "x")[0]

    def test_several_mistakes_are_all_reported(self) -> None:
        found = problems_of("a: .inf\n1: x\nb: !y z\na: 2\n")
        assert [line.split(" ")[1] for line in found] == ["number:", "key-type:", "tag:", "duplicate-key:"]

    def test_a_hundred_mistakes_are_enough(self) -> None:
        assert len(problems_of("".join(f"{i}: x\n" for i in range(5000)))) == 100
        assert len(problems_of("a: 1\n" * 5000)) == 100
        assert len(problems_of("[" + "NaN," * 5000 + "1]", "q.json")) == 100

    def test_the_value_of_a_number_is_what_a_float_can_hold(self) -> None:
        assert math.isfinite(tree_of("a: 1e308")["a"])


QUICK = (
    "alias bomb",
    "wide merge bomb",
    "100,000 brackets",
    "a billion digits",
    "many ones in yaml",
    "many ones",
    "json duplicates",
)
"""The others run in the slow tier."""


@pytest.mark.parametrize(
    "case", [case if case in QUICK else pytest.param(case, marks=pytest.mark.slow) for case in HOSTILE]
)
def test_whatever_the_bytes_time_and_memory_are_bounded(case: str, tmp_path: Path) -> None:
    name = "q.json" if case.startswith("json") else "q.yaml"
    imports = "from runner.document import parse"
    cost = measure(HOSTILE[case](), imports=imports, work=f"bool(parse(raw, {name!r}))", folder=tmp_path)
    assert cost.yards < 150  # 60 the longest; what is not linear takes thousands
    assert cost.megabytes < 300
