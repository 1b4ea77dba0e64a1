"""Which shards of a job are whole, noted in the output folder, so that a job which was stopped can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from roberta.engine.job import Tally
from roberta.engine.shards import Shard
from roberta.files import whole_or_absent
from roberta_cli.beginning import Beginning, refusal

NAME = ".shards.jsonl"  # hidden, so that the folder can be read as a folder of shards
_HEAD = 1 << 16  # bytes of an input that are compared, beside its size


class ShardLog:
    """A file of JSON lines: what the job was begun with, then a line for each shard that is whole.

    A shard counts once its line is there, which is after its file was; one whose line got lost is answered again, with
    the same result.

    >>> log = ShardLog(Path("out"), Beginning({"--top": "3"}, {"the model": "3c1c4c5d"}))
    >>> log.take_up(shards)
    {Shard(source='in/a.jsonl', target='out/a.jsonl'): Tally(records=17, failed=0, tokens=411, truncated=0)}
    """

    def __init__(self, output: Path, beginning: Beginning):
        self.path = output / NAME
        self.beginning = beginning

    def begin(self) -> None:
        """Forget what is there: no shard is whole."""
        with whole_or_absent(self.path) as beside:
            beside.write_text(_line({"begun_with": asdict(self.beginning)}), encoding="utf-8")

    def add(self, shard: Shard, tally: Tally) -> None:
        """A shard is whole."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_line({"shard": self._name(shard), "input": _fingerprint(shard)} | asdict(tally)))
            file.flush()
            os.fsync(file.fileno())

    def take_up(self, shards: Iterable[Shard]) -> dict[Shard, Tally]:
        """The shards that are whole, with what they came to; begins where there is no log.

        Raises UsageError: the job was begun with something else, or an input has changed since.
        """
        if not self.path.exists():
            self.begin()
            return {}
        beginning, lines = self._read()
        beginning.check(self.beginning, self.path.parent, failed=any(line["failed"] for line in lines.values()))
        whole: dict[Shard, Tally] = {}
        for shard in shards:
            line = lines.get(self._name(shard))
            if line is None or not Path(shard.target).exists():
                continue
            if line["input"] != _fingerprint(shard):
                raise refusal(f"{shard.source} is not what it was when {shard.target} was made")
            whole[shard] = Tally(**{name: line[name] for name in asdict(Tally())})
        return whole

    def _name(self, shard: Shard) -> str:
        return str(Path(shard.target).relative_to(self.path.parent))

    def _read(self) -> tuple[Beginning, dict[str, dict[str, Any]]]:
        """What it was begun with, and the lines of shards; one that a kill cut off goes from the file."""
        with self.path.open("r+b") as file:
            text = file.read()
            kept = text[: text.rfind(b"\n") + 1]
            file.truncate(len(kept))
        try:
            first, *lines = map(json.loads, kept.splitlines())
            return Beginning(**first["begun_with"]), {line["shard"]: line for line in lines}
        except (ValueError, TypeError, KeyError):
            raise refusal(f"{self.path}: should say which shards are whole and is something else") from None


def _fingerprint(shard: Shard) -> str:
    path = Path(shard.source)
    with path.open("rb") as file:
        return f"{hashlib.sha256(file.read(_HEAD)).hexdigest()} {path.stat().st_size}"


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
