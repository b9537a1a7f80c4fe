"""No form of a secret gets through, however the stream is cut."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.masking import MASK, Masker, forms

secrets = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=6, max_size=24)


def masked(text: bytes, *values: str, cuts: list[int] | None = None) -> bytes:
    it = Masker(values)
    places = [0, *sorted(c % (len(text) + 1) for c in cuts or []), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]
    return b"".join(it.feed(piece) for piece in pieces) + it.end()


@given(secrets, st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(0, 200), max_size=5))
@settings(max_examples=300)
def test_a_secret_never_gets_through_however_it_is_cut(
    secret: str, before: bytes, after: bytes, cuts: list[int]
) -> None:
    text = before + secret.encode() + after
    assert secret.encode() not in masked(text, secret, cuts=cuts)
    assert masked(text, secret, cuts=cuts) == masked(text, secret)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_what_is_no_secret_comes_through_to_the_byte(text: bytes, cuts: list[int]) -> None:
    assert masked(text, "\ue000-not-in-there-\ue000", cuts=cuts) == text


@given(secrets)
def test_other_forms_are_masked_too(secret: str) -> None:
    raw = secret.encode()
    for text in (
        json.dumps(secret).encode()[1:-1],
        json.dumps(secret, ensure_ascii=False).encode()[1:-1],
        quote(secret, safe="").encode(),
        quote_plus(secret).encode(),
        raw.hex().encode(),
    ):
        assert masked(b"<" + text + b">", secret) == b"<" + MASK + b">"


@given(st.binary(max_size=7), secrets, st.binary(max_size=7))
@settings(max_examples=300)
def test_base64_at_every_offset(before: bytes, secret: str, after: bytes) -> None:
    """What is left visible is only what mixes with the neighbours, too little to be the secret."""
    encoded = base64.b64encode(before + secret.encode() + after)
    shown = masked(encoded, secret)
    assert MASK in shown
    assert len(shown.replace(MASK, b"")) <= len(encoded) - len(base64.b64encode(secret.encode())) + 8


def test_lines_of_a_key_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nAgEAAoIBAQC7VJTU\n-----END KEY-----\n"
    assert b"MIIEvQIBADANBgkq" not in masked(b"log: MIIEvQIBADANBgkq", key)


def test_the_longer_of_two_secrets_wins() -> None:
    assert masked(b"abcdefgh abcdef", "abcdef", "abcdefgh") == b"*** ***"


@pytest.mark.parametrize("value", ["", "a", "12"])
def test_a_value_too_short_to_be_secret_masks_nothing(value: str) -> None:
    assert forms(value) == set()
    assert masked(b"a12", value) == b"a12"


def test_nothing_is_held_back_without_need() -> None:
    it = Masker(["secret-value"])
    assert it.feed(b"hello, world\n") == b"hello, world\n"
    assert it.feed(b"this is se") == b"this is "
    assert it.feed(b"rious\n") == b"serious\n"


def test_a_secret_is_in_no_repr() -> None:
    assert "topsecret" not in repr(Masker(["topsecret"]))
