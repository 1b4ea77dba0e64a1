"""roberta doctor"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from roberta.errors import CheckFailed, UsageError
from roberta_cli import options

if TYPE_CHECKING:
    from roberta_cli.config_report import Report
    from roberta_cli.health import Finding


def doctor(
    names: options.CommandNames = None,
    *,
    config: options.ShowConfig = False,
    as_json: options.AsJson = False,
) -> None:
    """Say whether all is well here: versions, devices, disk, known numbers.

    With --config: what is configured, where each value came from and what it hides; of one command its defaults too.

    Examples:

    roberta doctor

    roberta doctor --json

    roberta doctor --config fill-mask
    """
    if config:
        _config(names or (), as_json)
        return
    if names:
        raise UsageError(f"doctor looks at roberta as a whole; for the flags of {' '.join(names)} add --config")
    _health(as_json)


def _health(as_json: bool) -> None:
    from roberta_cli.health import examine

    findings = list(examine())
    failed = [finding for finding in findings if not finding.ok]
    if as_json:
        rows = [asdict(finding) | {"ok": finding.ok} for finding in findings]
        print(json.dumps({"ok": not failed, "findings": rows}, ensure_ascii=False))
    else:
        print("\n".join(_lines(findings)))
    if failed:
        raise CheckFailed("; ".join(f"{one.about}, {one.name}: {one.advice}" for one in failed))
    if not as_json:
        print("all is well")


def _lines(findings: Iterable[Finding]) -> Iterable[str]:
    about = None
    for finding in findings:
        if finding.about != about:
            about = finding.about
            yield about
        value = "-" if finding.value is None else finding.value
        yield f"  {finding.name:<16} {value}{'' if finding.ok else f'  FAILED: {finding.advice}'}"


def _config(names: Sequence[str], as_json: bool) -> None:
    from roberta_cli.app import HELPING, known_command
    from roberta_cli.config_report import report

    if names and known_command(names)[0] in HELPING:
        raise UsageError(f"{names[0]} cannot be configured; name a command that answers or learns")
    found = report(names)
    print(json.dumps(found.to_dict(), ensure_ascii=False) if as_json else _config_text(found))
    if found.problems:
        raise CheckFailed("; ".join(found.problems))


def _config_text(found: Report) -> str:
    lines = [f"{path}: {'read' if there else 'not there'}" for path, there in found.files.items()]
    several = len({command for row in found.rows for command in row["commands"]}) > 1
    for row in found.rows:
        value = "-" if row["value"] is None else row["value"]
        hidden = f", hides {', '.join(row['hides'])}" if row["hides"] else ""
        lines.append(f"{row['flag']:<18} {value!s:<16} {row['origin'] or 'built in'}{hidden}")
        lines += [f"    {', '.join(row['commands'])}"] if several else []
    lines += [f"of no flag: {name}" for name in found.unknown]
    return "\n".join(lines)
