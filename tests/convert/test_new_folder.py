"""A folder is whole or absent, whatever happens while it is made, and what a killed run left is cleared by the next."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from roberta.convert import new_folder as module
from roberta.convert.new_folder import new_folder
from roberta.convert.run import Options, convert
from roberta.errors import ResourceError
from roberta.hub import Origin
from tests.convert.checkpoints import assert_same_bits, hidden_files, saved, stored
from tests.training.children import in_child

SHARDS = Options(to="pytorch", max_shard="12KB", verify=False)
AGAIN = replace(SHARDS, force=True)


@pytest.fixture
def source(tmp_path):
    return saved(tmp_path / "source")


@pytest.fixture
def whole(tmp_path, source):
    """What a conversion makes that nothing stops."""
    convert(Origin(source), tmp_path / "whole", SHARDS)
    return contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _convert(source: Path, folder: Path, options: Options) -> None:
    convert(Origin(source), folder, options)


def test_a_conversion_killed_at_any_file_leaves_nothing_or_the_whole(tmp_path, source, whole):
    work = tmp_path / "work"
    work.mkdir()

    def action():
        convert(Origin(source), work / "new", SHARDS)

    touches = in_child(action, watched=work).events
    for name in list(contents(work / "new")):
        (work / "new" / name).unlink()
    (work / "new").rmdir()
    done = 0
    for touch in range(0, touches, 3):
        assert in_child(action, watched=work, kill_at=touch).code == -9
        if (work / "new").exists():
            assert contents(work / "new") == whole
            done += 1
    assert done < touches / 9, "most moments are before the end"
    in_child(
        lambda: convert(Origin(source), work / "new", Options(**{**vars(SHARDS), "force": True})) and None, watched=work
    )
    assert contents(work / "new") == whole
    assert hidden_files(work) == []


def test_a_replacement_killed_at_any_file_leaves_the_old_or_the_new_in_reach(tmp_path, source, whole):
    def replaced(work: Path, kill_at: int | None) -> int:
        saved(work / "new", "RobertaModel")
        return in_child(lambda: _convert(source, work / "new", AGAIN), watched=work, kill_at=kill_at).events

    old = contents(saved(tmp_path / "old", "RobertaModel"))
    touches = replaced(tmp_path / "unharmed", None)
    assert contents(tmp_path / "unharmed" / "new") == whole
    states = set()
    for touch in range(touches - 8, touches):  # the renames are the last things but one
        work = tmp_path / str(touch)
        replaced(work, touch)
        if not (work / "new").exists():  # between the two renames; the next run, even one that fails, finds the old one
            states.add("between")
            with pytest.raises(ZeroDivisionError), new_folder(work / "new"):
                raise ZeroDivisionError
        found = contents(work / "new")
        assert found in (old, whole)
        states.add("old" if found == old else "new")
        _convert(source, work / "new", AGAIN)
        assert contents(work / "new") == whole
        assert hidden_files(work) == []
    assert states == {"old", "new", "between"}


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, source):
    work = tmp_path / "work"
    work.mkdir()

    def action():
        try:
            convert(Origin(source), work / "new", SHARDS)
        except ResourceError as error:
            assert "new: cannot be written" in str(error)
            assert not list(work.iterdir())
            return 5
        return 0

    touches = in_child(action, watched=work).events
    for path in (work / "new").iterdir():
        path.unlink()
    (work / "new").rmdir()
    codes = [in_child(action, watched=work, full_from=touch).code for touch in range(1, touches // 2, 5)]
    assert set(codes) == {5}


def test_ctrl_c_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "new") as building:
        (building / "half").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_goes_on_is_not_cleared_away(tmp_path):
    with new_folder(tmp_path / "new") as building:
        (building / "file").write_text("x")
        with new_folder(tmp_path / "new") as other:
            (other / "file").write_text("y")
        assert (building / "file").read_text() == "x"
        (tmp_path / "new" / "file").unlink()
    assert (tmp_path / "new" / "file").read_text() == "x"
    assert hidden_files(tmp_path) == []


def test_what_cannot_be_moved_into_its_place_leaves_the_old_there(tmp_path, source, monkeypatch):
    old = saved(tmp_path / "new", "RobertaModel")
    before, rename = stored(old), Path.rename

    def failing(path, target):
        if module._BUILDING in path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(ResourceError, match=r"new: cannot be written .Input/output error."):
        convert(Origin(source), old, Options(force=True, verify=False))
    assert_same_bits(stored(old), before)
    assert hidden_files(tmp_path) == []


def test_a_place_that_cannot_be_written_is_said_at_once(tmp_path, source):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ResourceError, match="below: cannot be written"):
        convert(Origin(source), tmp_path / "file" / "below", Options())
