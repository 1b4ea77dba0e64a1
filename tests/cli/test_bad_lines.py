"""A poisoned file: every good line is answered, every bad one reported with its place, nothing else is harmed."""

import json
import random

GOOD = 2_500
BAD = [
    b'{"text": "cut',
    b"not JSON at all",
    b'{"text": 5}',
    b'{"text": null}',
    b'{"text": ["a", "list"]}',
    b'{"review": "no text field"}',
    b'{"text": ""}',
    b'{"text": "bytes \xff\xfe"}',
    b'{"text": "\\ud800 half"}',
    b'{"text": NaN}',
    b'{"text": "a", "text": "b"}',
    b'["a", "list"]',
    b"[" * 5000,
]
ODD = [
    "control \x01\x02\x7f characters",
    "line \u2028 and paragraph \u2029 separators, \x85 and \x0b and \x0c",
    "NUL \x00 inside",
    "\ufeffa BOM in front",
    "emoji 👩‍👩‍👧 and é combined, עברית and 日本語",
    "   blanks   ",
    "\r\n inside\t\n",
    "<s> </s> <mask> <pad>",
]


def odd_text(number: int) -> str:
    return "x" * 1_000_000 if number == 7 else f"{ODD[number % len(ODD)]} {number}"


def test_every_good_line_is_answered_and_every_bad_one_reported(roberta, tmp_path):
    good = [json.dumps({"text": odd_text(number), "n": number}).encode() for number in range(GOOD)]
    lines = [(True, line) for line in good] + [(False, BAD[number % len(BAD)]) for number in range(GOOD)]
    random.Random(0).shuffle(lines)
    ends = [b"\n", b"\r\n"]
    content = b"\xef\xbb\xbf" + b"".join(line + ends[place % 2] for place, (_, line) in enumerate(lines))
    (tmp_path / "in.jsonl").write_bytes(content)

    ended = roberta(
        "tokenize", "-i", "in.jsonl", "--show", "count", "--keep", "n", "--on-error", "record", "-o", "out.jsonl"
    )

    assert ended.code == 1
    results = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").split("\n")[:-1]]
    assert len(results) == len(lines)
    for number, (result, (is_good, line)) in enumerate(zip(results, lines), 1):
        if is_good:
            assert result["count"] > 2 and result["n"] == json.loads(line)["n"]
        else:
            assert result["error"]["where"] == f"in.jsonl:{number}", line
            assert result["error"]["code"] and result["error"]["message"]
