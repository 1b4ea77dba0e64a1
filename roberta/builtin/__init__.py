"""Where the model that ships lies: a small masked LM, for first tries and tests. Its card is mini/README.md."""

from pathlib import Path

MINI = Path(__file__).parent / "mini"


def adapter_for(command: str | None) -> Path | None:
    """The adapter that lets the model that ships answer a command, None if it has none that is good enough."""
    folder = MINI / "adapters" / (command or "")
    return folder if command and folder.is_dir() else None
