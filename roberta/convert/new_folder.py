"""A folder that is whole or absent: built beside its place, then renamed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from roberta.config import CONFIG_FILE
from roberta.errors import ResourceError, RobertaError, UsageError
from roberta.files import settle
from roberta.weights.folder import is_weight_file
from roberta.weights.sentence_folder import MODULES

_BUILDING, _FORMER = ".building-", ".former-"


def check_place(folder: Path, *, force: bool) -> None:
    """Look before anything is read, which may take long, and change nothing.

    Raises UsageError: something is there. With force only a checkpoint may be, since all of it goes.
    """
    if not os.path.lexists(folder):
        return
    if folder.is_symlink() or not folder.is_dir():
        raise UsageError(f"{folder}: is a file or a link; name a folder for the checkpoint")
    held = sorted(path.name for path in folder.iterdir())
    if held and not force:
        raise UsageError(f"{folder}: holds {held[0]} already; replace it with --force, or name another folder")
    if held and not any(name in (CONFIG_FILE, MODULES) or is_weight_file(name) for name in held):
        raise UsageError(f"{folder}: holds {held[0]} and is no checkpoint, so it is not replaced; name another folder")


@contextlib.contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`; it takes the place of `folder`, and of what is there, when the block ends
    without an error. A crash at any moment leaves what was there or what is new; the next call clears what it left.

    >>> with new_folder(Path("my-model")) as building:  # doctest: +SKIP
    ...     config.save_pretrained(building)

    Raises ResourceError: it cannot be written.
    """
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _clear_leftovers(folder)
        building = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}{_BUILDING}"))
    except OSError as error:
        raise _unwritable(folder, error) from None
    held = _hold(building)
    try:
        yield building
        building.chmod(0o755)
        settle(building)
        _put(building, folder)
    except BaseException as error:
        shutil.rmtree(building, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, RobertaError):
            raise _unwritable(folder, error) from None
        raise
    finally:
        os.close(held)


def _put(building: Path, folder: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        building.rename(folder)  # over an empty folder too
        settle(folder.parent)
        return
    former = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}{_FORMER}"))
    try:
        folder.rename(former)
        building.rename(folder)
    except BaseException:
        if not folder.exists():
            former.rename(folder)
        raise
    settle(folder.parent)
    shutil.rmtree(former, ignore_errors=True)


def _clear_leftovers(folder: Path) -> None:
    """Remove what killed runs left; one killed between the two renames left what was there under another name."""
    for former in _beside(folder, _FORMER):
        if not folder.exists() and any(former.iterdir()):
            former.rename(folder)
        else:
            shutil.rmtree(former, ignore_errors=True)
    for leftover in _beside(folder, _BUILDING):
        with contextlib.suppress(OSError):  # held: of a run that goes on
            os.close(_hold(leftover))
            shutil.rmtree(leftover, ignore_errors=True)


def _beside(folder: Path, kind: str) -> list[Path]:
    return [path for path in folder.parent.iterdir() if path.name.startswith(f".{folder.name}{kind}")]


def _hold(folder: Path) -> int:
    """Lock a folder for as long as the file descriptor is open and this process lives."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _unwritable(folder: Path, error: OSError) -> ResourceError:
    return ResourceError(
        f"{folder}: cannot be written ({error.strerror or error}); free some space or name another folder"
    )
