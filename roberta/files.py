"""Files from elsewhere are hostile until parsed; files of ours are whole or absent."""

import contextlib
import json
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from roberta.errors import CheckpointError, ReadError

JSON_LIMIT = 64 << 20  # bytes; the largest file of the kind, a tokenizer.json, has 4 MB


def read_json(path: Path, *, limit: int = JSON_LIMIT, flat: bool = False) -> dict:
    """Read a JSON object of a checkpoint. flat: there should be no others inside it; a large one is read sooner then.

    Raises CheckpointError: not to be read, longer than `limit` bytes, not UTF-8, not an object, or a key given twice
    (two readers would see two different files).
    """
    try:
        size = path.stat().st_size
        text = path.read_text(encoding="utf-8") if size <= limit else ""
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: not UTF-8 at byte {error.start}; the file is damaged, fetch it again") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
    if size > limit:
        raise CheckpointError(f"{path}: {size:,} bytes, more than the {limit:,} that such a file may have")
    return parse_json(text, str(path), flat=flat)


def parse_json(text: str, name: str, *, flat: bool = False) -> dict:
    """The JSON object that `text` spells, as `read_json` reads it; `name` says in errors where it stood."""

    def unique(pairs: list[tuple[str, object]]) -> dict:
        found = dict(pairs)
        if len(found) < len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = next(key for key, count in counts.items() if count > 1)
            raise CheckpointError(f"{name}: the key {twice!r} is given twice; keep one of them")
        return found

    try:
        found = json.loads(text) if flat else None
        if not isinstance(found, dict) or not _is_surely_unique(text, found):
            found = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{name}: not valid JSON ({error}); the file is damaged, fetch it again") from None
    if not isinstance(found, dict):
        raise CheckpointError(f"{name}: a JSON object was expected, this is a {type(found).__name__}")
    return found


def sha256_of(path: Path) -> str:
    """Of all bytes of a file, in hexadecimal digits. Raises ReadError: it cannot be read."""
    import hashlib  # late: a one-line question needs none

    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ReadError(f"{path}: cannot be read ({error.strerror})") from None


def _is_surely_unique(text: str, found: dict) -> bool:
    """Whether no key can be there twice, by counting: a comma stands between two entries, and all others are in keys.

    A second entry of a key brings one comma more than `found` accounts for, and nothing makes up for it: commas in
    values or in objects inside add to the text alone, and a comma that is spelt as an escape is not taken.
    """
    return "\\u002" not in text and text.count(",") == len(found) - 1 + "".join(found).count(",")


@contextlib.contextmanager
def whole_or_absent(path: Path) -> Iterator[Path]:
    """Give the path of a temporary file beside `path`; rename it to `path` when the block ends without an error.

    A crash at any moment leaves the old file or the new one, never a part. A link at `path` is replaced, not followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        beside.chmod(0o666 & ~_umask())
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def settle(folder: Path) -> None:
    """Bring a folder's entries to the disk, so that a power cut leaves it whole too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: dict) -> None:
    """Write `value` as indented JSON, whole or absent."""
    with whole_or_absent(path) as beside:
        beside.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _umask() -> int:
    # The only way to read it is to set it; mkstemp made the file private, an ordinary file follows the umask.
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
