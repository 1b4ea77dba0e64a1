"""Spans in the unit that the reader of a result counts in."""

from __future__ import annotations

from collections.abc import Iterable

from roberta.errors import UsageError

OFFSET_UNITS = ("chars", "bytes", "utf16")
Span = tuple[int, int]


def convert_spans(text: str, spans: Iterable[Span | None], unit: str) -> list[Span | None]:
    """Spans of code points as spans of UTF-8 bytes ("bytes") or UTF-16 units ("utf16"); "chars" leaves them.

    Ends are exclusive; None stays None. Takes time for the text once, however many spans there are.

    >>> convert_spans("Zoë 🙂!", [(4, 5), (5, 6)], "utf16")
    [(4, 6), (6, 7)]

    Raises UsageError: an unknown unit.
    """
    if unit not in OFFSET_UNITS:
        raise UsageError(f'no unit of offsets is called "{unit}"; choose from {", ".join(OFFSET_UNITS)}')
    spans = [None if span is None else (span[0], span[1]) for span in spans]
    if unit == "chars" or text.isascii():
        return spans
    places = sorted({place for span in spans if span is not None for place in span})
    assert not places or (places[0] >= 0 and places[-1] <= len(text)), "a span outside its text"
    codec, width = ("utf-8", 1) if unit == "bytes" else ("utf-16-le", 2)
    converted: dict[int, int] = {}
    before = total = 0
    for place in places:
        total += len(text[before:place].encode(codec, "surrogatepass")) // width
        converted[place] = total
        before = place
    return [None if span is None else (converted[span[0]], converted[span[1]]) for span in spans]
