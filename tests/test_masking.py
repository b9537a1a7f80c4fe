"""No form of a secret gets through, however the stream is cut."""

from __future__ import annotations

import base64
import json
import re
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


@pytest.mark.parametrize(
    "printed",
    [
        b"a\\u0026b\\u003cc\\u003e'd'!/e",  # Go
        b"a&b<c>'d'!\\/e",  # PHP
        b"a&amp;b&lt;c&gt;'d'!/e",
        b"a&amp;b&lt;c&gt;&#x27;d&#x27;!/e",
        b"a&amp;b&lt;c&gt;&#39;d&#39;!/e",
        b"a&amp;b&lt;c&gt;&apos;d&apos;!/e",
        b"a%26b%3Cc%3E'd'!%2Fe",  # encodeURIComponent
        b"a&b%3Cc%3E'd'!/e",  # encodeURI
    ],
)
def test_what_other_languages_make_of_it(printed: bytes) -> None:
    assert masked(b"(" + printed + b")", "a&b<c>'d'!/e") == b"(***)"


def test_what_a_job_takes_out_of_a_secret_that_has_several() -> None:
    secret = json.dumps(
        {"user": "admin", "password": "hunter22", "more": [{"key": "k\u00e9y-two"}], "port": 5432}
    )
    text = b"admin:hunter22 on 5432, " + "k\u00e9y-two".encode()
    assert masked(text, secret) == b"admin:*** on 5432, ***"
    assert masked(base64.b64encode(b"admin:hunter22"), secret).startswith(b"YWRtaW46***")


@given(
    st.binary(max_size=90),
    st.text(st.characters(min_codepoint=33, max_codepoint=0x7F), min_size=12, max_size=200),
    st.binary(max_size=30),
    st.sampled_from([60, 64, 76]),
    st.sampled_from([b"\n", b"\r\n"]),
)
@settings(max_examples=300)
def test_wherever_the_lines_of_base64_end(
    before: bytes, secret: str, after: bytes, width: int, end: bytes
) -> None:
    encoded = base64.b64encode(before + secret.encode() + after)
    lines = [encoded[at : at + width] for at in range(0, len(encoded), width)]
    shown = masked(end.join(lines), secret).replace(end, b"")
    assert MASK in shown
    assert len(shown.replace(MASK, b"")) <= len(encoded) - len(base64.b64encode(secret.encode())) + 8


@pytest.mark.parametrize("cut", range(5, 125, 7))
def test_a_wrapped_secret_in_two_reads(cut: int) -> None:
    text = base64.encodebytes(b"somebody:" + b"0123456789abcdef" * 5)
    whole = masked(text, "0123456789abcdef" * 5)
    assert masked(text, "0123456789abcdef" * 5, cuts=[cut]) == whole
    assert len(whole) < 20


def test_what_overlaps_is_masked_whole_however_it_is_cut() -> None:
    text = b"x" + b"abcabc" * 50 + b"y"
    for cut in range(1, len(text)):
        assert masked(text, "abcabcabc", cuts=[cut, cut + 3]) == b"x***y"


def test_a_key_in_the_lines_that_openssl_writes() -> None:
    key = "0123456789abcdef" * 8
    wrapped = "\n".join(re.findall(".{1,64}", base64.b64encode(key.encode()).decode()))
    assert masked(wrapped.encode(), key).startswith(MASK)
    assert len(masked(wrapped.encode(), key)) < 8


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


def test_what_is_masked_stays_so_while_nothing_new_can_be_shown() -> None:
    """The end of a secret may be the beginning of the next one: it is held, and still masked."""
    secret = "0000-secret-0"
    it = Masker([secret])
    shown = [it.feed(piece) for piece in (secret.encode(), b"", b"0", b"!")]
    assert b"".join([*shown, it.end()]) == b"***0!"
