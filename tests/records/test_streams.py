"""Input that comes slowly, and input that is mostly bad."""

import gzip
import os
import random
import threading

import pytest

from roberta.records import BrokenRecord, Record, read_records


@pytest.mark.parametrize(
    ("name", "prefix", "line"),
    [
        ("p.jsonl", b"", b'{"text":"%d"}\n'),
        ("p.txt", b"", b"%d\n"),
        ("p.csv", b"text,n\n", b'"%d",1\n'),
        ("p.tsv", b"text\n", b"%d\n"),
        ("p", b"", b'{"text":"%d"}\n'),
        ("-", b"", b'{"text":"%d"}\n'),
        ("-", b"", b"%d\n"),
        ("p.txt.gz", b"", b"%d\n"),
    ],
)
def test_each_record_is_there_before_the_next_line_is_written(tmp_path, name, prefix, line):
    seen = threading.Semaphore(0)
    timely = []
    if name == "-":
        read_end, write_end = os.pipe()
        stdin, path = os.fdopen(read_end, "rb"), "-"
    else:
        stdin, path = None, tmp_path / name
        os.mkfifo(path)

    def produce():
        with os.fdopen(write_end, "wb", 0) if name == "-" else path.open("wb", 0) as pipe:
            for number in range(5):
                data = (prefix if number == 0 else b"") + line % number
                pipe.write(gzip.compress(data) if name.endswith(".gz") else data)
                timely.append(seen.acquire(timeout=10))
            if not name.endswith(".gz"):
                pipe.write((line % 5)[:-1])  # the last line without its end

    producer = threading.Thread(target=produce)
    producer.start()
    texts = []
    for record in read_records([path], stdin=stdin):
        texts.append(record.text)
        seen.release()
    producer.join()
    assert timely == [True] * 5
    assert texts == [str(number) for number in range(5 if name.endswith(".gz") else 6)]


def test_a_limit_does_not_wait_for_another_line():
    read_end, write_end = os.pipe()
    os.write(write_end, b"one\ntwo\n")
    with os.fdopen(read_end, "rb") as stdin:
        assert [record.text for record in read_records(["-"], stdin=stdin, limit=2)] == ["one", "two"]
    os.close(write_end)


BAD = {
    b"not json": "bad_json",
    b'{"text": "cut': "bad_json",
    b'{"text": NaN}': "bad_json",
    b'{"text": "a", "text": "b"}': "bad_json",
    b'["text"]': "wrong_type",
    b"17": "wrong_type",
    b'{"text": "\xff"}': "bad_encoding",
    b'{"text": "\xed\xa0\x80"}': "bad_encoding",
    b'{"text": "\\ud800"}': "lone_surrogate",
    b'{"text": ' + b"[" * 5000: "bad_json",
}
ODD = [
    '{"text": "\\u0000\u2028\x0b\x0c\x85\\u001f"}',
    '{"text": ""}',
    '\ufeff{"text": "mark"}',
    '{"text": "return"}\r',
    '  {"text" : "blanks" } ',
    '{"text": 5, "deep": [[[{}]]]}',
    "{}",
    '{"text": "\\ud83d\\ude42"}',
]


def test_ten_thousand_bad_lines_spoil_none_of_ten_thousand_odd_ones(tmp_path):
    choose = random.Random(1)
    lines = [choose.choice(list(BAD)) for _ in range(10_000)] + [choose.choice(ODD).encode() for _ in range(10_000)]
    choose.shuffle(lines)
    lines[777] = b'{"text": "' + b"x" * 1_000_000 + b'"}'
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join(lines))
    records = list(read_records([path]))
    assert len(records) == len(lines)
    for number, (line, record) in enumerate(zip(lines, records)):
        assert (record.index, record.source) == (number, f"{path}:{number + 1}")
        if line in BAD:
            assert isinstance(record, BrokenRecord)
            assert record.error.code == BAD[line]
            assert str(path) not in str(record.error)
        else:
            assert isinstance(record, Record)
