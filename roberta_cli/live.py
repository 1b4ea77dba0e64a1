"""A text that is shown while it is made."""

from __future__ import annotations

from typing import TextIO

from roberta_cli.display import in_prose

HALF_A_LETTER = "\ufffd"  # what the first bytes of a letter are spelt as, until its last token is there


class LiveText:
    """Writes a prompt and what is added to it, as far as it is sure.

    Called with all new text so far, again and again; `rest` is what the end of it still lacks.

    >>> live = LiveText("A", sys.stdout)
    >>> live(" c"), live(" cat"), live.rest({"text": "A cat."})  # prints "A cat"
    (None, None, '.')
    """

    def __init__(self, prompt: str, stream: TextIO):
        self._prompt, self._stream, self._shown = prompt, stream, ""

    def __call__(self, new: str) -> None:
        text = self._prompt + new.rstrip(HALF_A_LETTER)
        if text.startswith(self._shown):
            self._stream.write(in_prose(text[len(self._shown) :]))
            self._stream.flush()
            self._shown = text

    def rest(self, result: dict) -> str:
        """What of the result's text was not shown yet; all of it if it turned out another one."""
        text = result["text"]
        return text[len(self._shown) :] if text.startswith(self._shown) else f"\n{text}"
