import json

import pytest

from roberta.errors import CheckpointError
from roberta.files import read_json, whole_or_absent, write_json


def test_an_object_is_read_as_it_was_written(tmp_path):
    write_json(tmp_path / "a.json", {"name": "Zoë", "sizes": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"name": "Zoë", "sizes": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": {"b": 1, "b": 1}}', "'b' is given twice"),
        (b'{"a": 1, "a": 1, "\\u002c": 2}', "'a' is given twice"),
        (b'{",": 1, ",": 2}', "',' is given twice"),
        (b"[1]", "a JSON object was expected, this is a list"),
        (b"{", "not valid JSON"),
        (b'{"a": "\xff"}', "not UTF-8 at byte 7"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a": "' + b"x" * 200 + b'"}', "209 bytes, more than the 200"),
    ],
)
def test_what_is_no_such_file_is_refused_in_one_sentence(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    for flat in (False, True):
        with pytest.raises(CheckpointError, match=message):
            read_json(tmp_path / "a.json", limit=200 if "200" in message else 1 << 20, flat=flat)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_json(tmp_path / "absent.json")


@pytest.mark.parametrize("value", [{}, {",": 1, "a,b": 2}, {"a": {"b": [1, 2]}, "c": "d,e"}, {'\\","': 1, "é": 2}])
def test_a_flat_object_is_the_same_object(tmp_path, value):
    for ascii_only in (False, True):
        (tmp_path / "a.json").write_text(json.dumps(value, ensure_ascii=ascii_only), encoding="utf-8")
        assert read_json(tmp_path / "a.json", flat=True) == value


def test_an_error_while_writing_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    write_json(tmp_path / "a.json", {"old": 1})
    with pytest.raises(KeyboardInterrupt), whole_or_absent(tmp_path / "a.json") as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert read_json(tmp_path / "a.json") == {"old": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_a_link_is_replaced_and_what_it_points_to_stays(tmp_path):
    write_json(tmp_path / "target.json", {"mine": 1})
    (tmp_path / "link.json").symlink_to(tmp_path / "target.json")
    write_json(tmp_path / "link.json", {"new": 2})
    assert not (tmp_path / "link.json").is_symlink()
    assert read_json(tmp_path / "target.json") == {"mine": 1}
