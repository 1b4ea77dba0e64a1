from hypothesis import given
from hypothesis import strategies as st

from roberta.model.layout import Layout, filled

WINDOWS = st.lists(
    st.integers(1, 512).flatmap(lambda length: st.tuples(st.just(length), st.integers(0, length))), max_size=60
)


@given(WINDOWS)
def test_every_row_of_every_window_lies_in_one_block_of_its_length(windows):
    lengths, reads = [length for length, _ in windows], [read for _, read in windows]
    layout = Layout(lengths, reads)
    rows = [
        row for number in layout.order for row in range(layout.starts[number], layout.starts[number] + lengths[number])
    ]
    assert rows == list(range(sum(lengths))) == list(range(layout.rows))
    assert [row for block in layout.windows for row in range(layout.rows)[block.rows]] == rows
    assert len({block.size for block in layout.windows}) == len(layout.windows)
    for block in layout.windows:
        inside = [number for number, start in enumerate(layout.starts) if start in range(layout.rows)[block.rows]]
        assert len(inside) == block.pieces and {lengths[number] for number in inside} == {block.size}


@given(WINDOWS)
def test_every_row_that_is_read_lies_beside_those_of_windows_alike(windows):
    lengths, reads = [length for length, _ in windows], [read for _, read in windows]
    layout = Layout(lengths, reads)
    assert [row for read, _ in layout.asked for row in range(sum(reads))[read.rows]] == list(range(sum(reads)))
    for read, whole in layout.asked:
        assert read.pieces == whole.pieces
        for piece in range(read.pieces):
            number = layout.starts.index(whole.start + piece * whole.size)
            assert (lengths[number], reads[number]) == (whole.size, read.size)
            assert layout.read_starts[number] == read.start + piece * read.size


@given(st.integers(0, 1 << 20))
def test_filler_is_at_most_three_in_a_hundred(rows):
    assert rows <= filled(rows) <= 1.03 * rows


def test_the_numbers_of_rows_are_few():
    assert len({filled(rows) for rows in range(1, 1025)}) < 180  # times five products a layer: oneDNN keeps 1,024
    assert len({filled(rows) for rows in range(1, 4097)}) < 240
