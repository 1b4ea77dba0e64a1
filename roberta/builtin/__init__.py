"""Where the model that ships lies: a small masked LM, for first tries and tests. Its card is mini/README.md."""

from pathlib import Path

MINI = Path(__file__).parent / "mini"
