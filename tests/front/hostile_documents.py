"""Files that mean harm, each made when it is asked for: they are large."""

from __future__ import annotations

from collections.abc import Callable

HOSTILE: dict[str, Callable[[], bytes]] = {
    "alias bomb": lambda: (
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(20)
        )
    ),
    "long alias bomb": lambda: b"a: &a " + b"x" * 1_000_000 + b"\nb: [" + b"*a," * 200_000 + b"]",
    "merge bomb": lambda: (
        b"a: &a {k: 1}\n"
        + b"".join(
            b"b%d: &b%d {<<: [*%s, *%s], k%d: 1}\n" % (i, i, n, n, i)
            for i in range(60)
            for n in [b"b%d" % (i - 1) if i else b"a"]
        )
    ),
    "wide merge bomb": lambda: (
        b"a: &a {" + b"".join(b"k%d: 1," % i for i in range(20_000)) + b"}\nb:\n" + b"- {<<: *a}\n" * 20_000
    ),
    "100,000 brackets": lambda: b"[" * 100_000,
    "100,000 braces": lambda: b"{a: " * 100_000,
    "100,000 dashes": lambda: b"- " * 100_000,
    "100,000 questions": lambda: b"? " * 100_000,
    "a billion digits": lambda: b"a: " + b"9" * 9_000_000,
    "a scalar of 5 MB": lambda: b"a: " + b"x" * 5_000_000,
    "a key of 5 MB": lambda: b'"' + b"x" * 5_000_000 + b'": 1',
    "a million keys": lambda: b"{" + b"".join(b"k%d: 1," % i for i in range(700_000)) + b"}",
    "many ones": lambda: b"[" + b"1," * 5_000_000 + b"1]",
    "many empty mappings": lambda: b"[" + b"{}," * 3_000_000 + b"{}]",
    "many ones in yaml": lambda: b"a: [" + b"1," * 5_000_000 + b"1]",
    "many anchors": lambda: b"".join(b"- &a%d x\n" % i for i in range(400_000)),
    "nested anchors": lambda: (
        b"".join(b"&a%d [" % i for i in range(60)) + b",".join([b"1"] * 300_000) + b"]" * 60
    ),
    "many duplicates": lambda: b"a: 1\n" * 400_000,
    "many bad keys": lambda: b"".join(b"%d: 1\n" % i for i in range(400_000)),
    "10 MB of spaces": lambda: b" " * 10_000_000,
    "10 MB of newlines": lambda: b"\n" * 10_000_000,
    "10 MB of quotes": lambda: b'"' * 10_000_000,
    "10 MB of colons": lambda: b": " * 5_000_000,
    "10 MB of comments": lambda: b"#\n" * 5_000_000,
    "carriage returns": lambda: b"a: 1\r" * 2_000_000,
    "json duplicates": lambda: b'{"a": {' + b'"b": 1,' * 300_000 + b'"b": 1}}',
    "json brackets": lambda: b"[" * 5_000_000,
    "json strings": lambda: b"[" + b'"\\u00e4",' * 900_000 + b'""]',
    "json unclosed": lambda: b'{"a": "' + b"x" * 9_000_000,
    "json backslashes": lambda: b'["' + b"\\\\" * 4_000_000 + b'\\ud800"]',
}
