"""The version, alone in its file so that packaging and `roberta --version` read it without importing anything."""

__version__ = "0.1.0"
RELEASED = "2026-11-24"  # the day of that version, for the manual: a page says the same wherever it is made
