"""Where the members of a zip file lie, for archives whose members are stored as they are and can be mapped."""

import struct
import zipfile

from roberta.errors import CheckpointError
from roberta.weights.mapped_file import MappedFile

_LOCAL = struct.Struct("<4s5H3L2H")  # the header before each member
_ENCRYPTED = 0x1
_DAMAGED = "the file is damaged, fetch it again"


def stored_members(file: MappedFile) -> dict[str, tuple[int, int]]:
    """Where each member's content starts, and its length in bytes, by name.

    Raises CheckpointError: members that are compressed (a few bytes could become any number), encrypted, named twice,
    that lie over each other or outside the file, or that the directory and the member itself name differently.
    """
    entries = sorted(_directory(file), key=lambda entry: entry.header_offset)
    found: dict[str, tuple[int, int]] = {}
    free = 0  # the first byte that belongs to no member so far
    for entry in entries:
        where = f"{file.path}: the member {entry.orig_filename[:80]!r}"
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise CheckpointError(
                f"{where} is compressed, which PyTorch never does to a state dict; save the state dict alone"
            )
        if entry.flag_bits & _ENCRYPTED:
            raise CheckpointError(f"{where} is encrypted; only archives that PyTorch wrote itself are read")
        if entry.orig_filename in found:
            raise CheckpointError(f"{where} is there twice; {_DAMAGED}")
        start = _content(file, entry, where)
        if entry.header_offset < free:
            raise CheckpointError(f"{where} lies over the one before it; {_DAMAGED}")
        free = start + entry.file_size
        if free > file.size:
            raise CheckpointError(f"{where} reaches outside the file; {_DAMAGED}")
        found[entry.orig_filename] = start, entry.file_size
    return found


def _directory(file: MappedFile) -> list[zipfile.ZipInfo]:
    try:
        with zipfile.ZipFile(file.path) as archive:
            return archive.infolist()
    except (
        zipfile.BadZipFile,
        OSError,
        ValueError,
        NotImplementedError,
        struct.error,
        EOFError,
        RuntimeError,
    ) as error:
        raise CheckpointError(f"{file.path}: its zip directory cannot be read ({error!s:.80}); {_DAMAGED}") from None


def _content(file: MappedFile, entry: zipfile.ZipInfo, where: str) -> int:
    """Where the content begins: the member's own header says, the directory does not."""
    header = file.piece(entry.header_offset, _LOCAL.size) if entry.header_offset >= 0 else b""
    if len(header) < _LOCAL.size or not header.startswith(b"PK\x03\x04"):
        raise CheckpointError(f"{where} is not where the directory says; {_DAMAGED}")
    *_, name_length, extra_length = _LOCAL.unpack(header)
    name = file.piece(entry.header_offset + _LOCAL.size, name_length)
    # zipfile decodes names as UTF-8 or, by a flag, as cp437; PyTorch's are ASCII in either.
    if name != entry.orig_filename.encode("utf-8", "surrogatepass"):
        raise CheckpointError(f"{where} bears another name in its own header; {_DAMAGED}")
    return entry.header_offset + _LOCAL.size + name_length + extra_length
