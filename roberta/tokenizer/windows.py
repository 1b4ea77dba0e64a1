"""Overlapping spans over the tokens of a text that is longer than a model can take. Arithmetic only."""

from roberta.errors import InputError


def spans(length: int, room: int, overlap: int = 0, *, from_end: bool = False) -> list[tuple[int, int]]:
    """Cut `length` tokens into spans (start, end) of at most `room`, each sharing `overlap` with the one before it.

    All are full but the last. from_end: begin with the span at the end and go towards the start. No tokens give the
    one span (0, 0).

    >>> spans(10, room=4, overlap=1)
    [(0, 4), (3, 7), (6, 10)]
    >>> spans(10, room=4, overlap=2, from_end=True)
    [(6, 10), (4, 8), (2, 6), (0, 4)]

    Raises InputError: no room, or an overlap that leaves no step forward.
    """
    if room < 1:
        raise InputError(f"a window has room for {room} tokens of the text; at least 1 is needed", code="no_room")
    if not 0 <= overlap < room:
        raise InputError(
            f"an overlap of {overlap} tokens does not fit a window with room for {room} tokens of the text; "
            f"choose 0 to {room - 1}",
            code="overlap",
        )
    step = room - overlap
    count = max(0, -(-(length - room) // step)) + 1
    if from_end:
        ends = [length - i * step for i in range(count)]
        return [(max(0, end - room), end) for end in ends]
    starts = [i * step for i in range(count)]
    return [(start, min(start + room, length)) for start in starts]
