"""Offsets in characters, bytes and UTF-16 units."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roberta.errors import UsageError
from roberta.records import OFFSET_UNITS, convert_spans

TEXTS = st.text(st.sampled_from("aé€🙂\ud800\n") | st.characters(), max_size=30)


@settings(deadline=None)
@given(
    TEXTS.flatmap(
        lambda text: st.tuples(st.just(text), st.lists(st.none() | st.tuples(*[st.integers(0, len(text))] * 2)))
    )
)
def test_a_span_cuts_the_same_piece_in_every_unit(case):
    text, spans = case
    assert convert_spans(text, spans, "chars") == spans
    for unit, codec, width in (("bytes", "utf-8", 1), ("utf16", "utf-16-le", 2)):
        data = text.encode(codec, "surrogatepass")
        for span, found in zip(spans, convert_spans(text, spans, unit), strict=True):
            if span is None:
                assert found is None
            else:
                piece = data[found[0] * width : found[1] * width].decode(codec, "surrogatepass")
                assert piece == text[span[0] : span[1]]
                assert found == tuple(len(text[:end].encode(codec, "surrogatepass")) // width for end in span)


def test_many_spans_of_a_long_text_take_time_for_the_text_once():
    def seconds(length):
        text = "é🙂" * length
        spans = [(place, place + 1) for place in range(2 * length)]
        start = time.process_time()
        convert_spans(text, spans, "bytes")
        return time.process_time() - start

    small = min(seconds(10_000) for _ in range(3))
    # Linear is 10 times as long, quadratic 100 times.
    assert seconds(100_000) < 40 * small


def test_an_unknown_unit_is_refused():
    with pytest.raises(UsageError, match="choose from chars, bytes, utf16"):
        convert_spans("a", [], "words")
    assert OFFSET_UNITS == ("chars", "bytes", "utf16")
