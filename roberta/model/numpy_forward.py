"""The encoder and the plain heads once more, in NumPy: what it answers need not wait for torch to be imported.

Hidden states are (width, tokens) here, a column for each token. That is the quick way round: `weight @ hidden` reads
each weight once and as it is stored, (out, in), and shares its rows out among the threads. The columns of all windows
stand side by side, with no padding between them; only the attention keeps windows apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, groupby

import numpy as np

from roberta.config import RobertaConfig
from roberta.model.numpy_kernels import Buffers, attend, gelu, normalize
from roberta.model.parameters import BODY, HEADS, Shapes, body_shapes, check_range, head_shapes, position_ids
from roberta.weights.arrays import to_float32
from roberta.weights.mapped_file import take_rows
from roberta.weights.names import DECODER, WORD_TABLE

HIDDEN_STATES = "hidden_states"  # in place of a head: the encoder's own output
EXACT_GELU = ("gelu", "gelu_python")


def lacking(config: RobertaConfig, head: str) -> str | None:
    """What a model and a head need that is not here, such as "relative_key positions"; None: nothing."""
    if head != HIDDEN_STATES and head not in READERS:
        return "text generation"
    if config.is_decoder:
        return "decoders"
    if config.position_embedding_type != "absolute":
        return f"{config.position_embedding_type} positions"
    if config.hidden_act not in EXACT_GELU:
        return f"{config.hidden_act} activation"
    return None


def needed_shapes(config: RobertaConfig, head: str) -> Shapes:
    """Name and shape of every weight that is read."""
    if head != HIDDEN_STATES:
        return head_shapes(config, head)
    return {BODY + name: shape for name, shape in body_shapes(config, pooler=False).items()}


Pairs = list[tuple[slice, slice, int]]  # of some windows: columns of their queries, columns of their keys, how many


class Columns:
    """Where the columns of each window stand, and those of its tokens that are read.

    read: (columns that are read,) among all. all_pairs: every token has a query. read_pairs: those that are read have
    one, side by side.
    """

    def __init__(self, windows: Sequence[Sequence[int]], rows: Sequence[Sequence[int]]):
        starts = accumulate(map(len, windows), initial=0)
        self.read = np.array([start + row for start, asked in zip(starts, rows) for row in asked], np.int64)
        self.all_pairs = _pairs(windows, windows)
        self.read_pairs = _pairs(rows, windows)


def _pairs(asking: Sequence[Sequence[int]], windows: Sequence[Sequence[int]]) -> Pairs:
    """Neighbours that are alike in both lengths together: what is computed for many at once takes fewer calls."""
    found, own, seen = [], 0, 0
    for (queries, keys), alike in groupby(zip(map(len, asking), map(len, windows))):
        count = len(list(alike))
        found.append((slice(own, own := own + count * queries), slice(seen, seen := seen + count * keys), count))
    return found


class NumpyForward:
    """One model's arithmetic, in float32.

    weights: by the names of `needed_shapes`, as they are stored; types other than float32 are widened at first use.
    head: a row of HEADS that READERS has, or HIDDEN_STATES.
    """

    def __init__(self, config: RobertaConfig, weights: Mapping[str, np.ndarray], head: str):
        assert lacking(config, head) is None
        self.config = config
        self.head = head
        self._stored = weights
        self._wide: dict[str, np.ndarray] = {}
        self._buffers = Buffers()

    def __call__(
        self, windows: Sequence[Sequence[int]], rows: Sequence[Sequence[int]], layers: Sequence[int] = (-1,)
    ) -> list[np.ndarray]:
        """For each window (rows, outputs), or (outputs,) for a head that reads only <s>. Threads may call it at once.

        rows: the positions of each window that are read. layers: those whose mean is read, 0 the embeddings.

        Raises InputError: ids that the model does not have, or a window longer than its position table.
        """
        reads_first = self.head != HIDDEN_STATES and HEADS[self.head].rows == "first"
        asked = [[0]] * len(windows) if reads_first else rows
        with np.errstate(all="ignore"):  # what is not a number is looked for at the end, by the backend
            hidden = self._hidden_states(windows, Columns(windows, asked), layers)
            found = np.array(self._read(hidden).T, order="C")  # a copy always: the next batch takes the buffers
        return list(found) if reads_first else np.split(found, np.cumsum([len(read) for read in asked])[:-1])

    def _hidden_states(self, windows: Sequence[Sequence[int]], columns: Columns, layers: Sequence[int]) -> np.ndarray:
        """(width, columns that are read): the mean of the layers asked for."""
        count = self.config.num_hidden_layers + 1
        wanted = [layer % count for layer in layers]
        hidden, last = self._embeddings(windows), max(wanted)
        total = np.zeros((len(hidden), len(columns.read)), np.float32)
        for number in range(last):
            if times := wanted.count(number):
                total += times * hidden[:, columns.read]
            if number + 1 < last:
                hidden = self._layer(number, hidden, hidden, columns.all_pairs)
        read = hidden[:, columns.read]
        if last:  # of that layer only what is read: that changes nothing in it
            read = self._layer(last - 1, read, hidden, columns.read_pairs)
        return (total + wanted.count(last) * read) / np.float32(len(wanted))

    def _embeddings(self, windows: Sequence[Sequence[int]]) -> np.ndarray:
        config, name = self.config, f"{BODY}embeddings."
        ids = np.concatenate([np.asarray(window, np.int64) for window in windows])
        check_range(int(ids.min()), int(ids.max()), config.vocab_size, "token", "vocab_size")
        places = [position_ids(np.asarray([window], np.int64), config)[0] for window in windows]
        hidden = (
            self._rows(WORD_TABLE, ids)
            + self._rows(f"{name}token_type_embeddings.weight", np.zeros(1, np.int64))
            + self._rows(f"{name}position_embeddings.weight", np.concatenate(places))
        )
        return self._norm(f"{name}LayerNorm", np.ascontiguousarray(hidden.T))

    def _layer(self, number: int, asking: np.ndarray, hidden: np.ndarray, pairs: Pairs) -> np.ndarray:
        """What becomes of the columns of `asking`, all or some of those of `hidden`, (width, tokens). The result lies
        where the next layer puts its own."""
        name = f"{BODY}encoder.layer.{number}."
        mixed = self._attention(f"{name}attention.self.", asking, hidden, pairs)
        middle = self._linear(f"{name}attention.output.dense", mixed, "middle")
        middle += asking
        self._norm(f"{name}attention.output.LayerNorm", middle)
        wide = self._product(f"{name}intermediate.dense", middle, "wide")
        gelu(wide, self._weight(f"{name}intermediate.dense.bias"))
        hidden = self._linear(f"{name}output.dense", wide, "hidden")
        hidden += middle
        return self._norm(f"{name}output.LayerNorm", hidden)

    def _attention(self, name: str, asking: np.ndarray, hidden: np.ndarray, pairs: Pairs) -> np.ndarray:
        """(heads x width of a head, columns of `asking`); each window sees itself alone."""
        size = self.config.head_size
        query = self._linear(f"{name}query", asking, "query")
        query /= np.float32(size**0.5)
        key, value = self._linear(f"{name}key", hidden, "key"), self._linear(f"{name}value", hidden, "value")
        mixed = self._buffers.take("mixed", *query.shape)
        for own, seen, count in pairs:
            if own.start < own.stop:
                # (heads, width of a head, windows, tokens of each); pruned heads are not there
                parts = ((mixed, own), (query, own), (key, seen), (value, seen))
                attend(*(whole[:, part].reshape(len(whole) // size, size, count, -1) for whole, part in parts))
        return mixed

    def _read(self, hidden: np.ndarray) -> np.ndarray:
        """(width, columns that are read) -> (outputs, columns)."""
        return hidden if self.head == HIDDEN_STATES else READERS[self.head](self, hidden)

    def _language_model(self, hidden: np.ndarray) -> np.ndarray:
        hidden = self._product("lm_head.dense", hidden, "middle")
        gelu(hidden, self._weight("lm_head.dense.bias"))
        self._norm("lm_head.layer_norm", hidden)
        table = WORD_TABLE if DECODER not in self._stored else DECODER
        return self._weight(table) @ hidden + self._weight("lm_head.decoder.bias")[:, None]

    def _sequence_classification(self, hidden: np.ndarray) -> np.ndarray:
        return self._linear("classifier.out_proj", np.tanh(self._linear("classifier.dense", hidden)))

    def _multiple_choice(self, hidden: np.ndarray) -> np.ndarray:
        return self._linear("classifier", np.tanh(self._linear(f"{BODY}pooler.dense", hidden)))

    def _token_classification(self, hidden: np.ndarray) -> np.ndarray:
        return self._linear("classifier", hidden)

    def _question_answering(self, hidden: np.ndarray) -> np.ndarray:
        return self._linear("qa_outputs", hidden)

    def _linear(self, name: str, hidden: np.ndarray, buffer: str = "head") -> np.ndarray:
        """(in, tokens) -> (out, tokens)."""
        found = self._product(name, hidden, buffer)
        found += self._weight(f"{name}.bias")[:, None]
        return found

    def _product(self, name: str, hidden: np.ndarray, buffer: str) -> np.ndarray:
        """The same without the bias, in memory that is used again; buffer: what was left there before is lost."""
        weight = self._weight(f"{name}.weight")
        return np.matmul(weight, hidden, out=self._buffers.take(buffer, len(weight), hidden.shape[1]))

    def _norm(self, name: str, hidden: np.ndarray) -> np.ndarray:
        """The same array, normalized."""
        normalize(hidden, self._weight(f"{name}.weight"), self._weight(f"{name}.bias"), self.config.layer_norm_eps)
        return hidden

    def _weight(self, name: str) -> np.ndarray:
        if name not in self._wide:
            self._wide[name] = to_float32(self._stored[name])
        return self._wide[name]

    def _rows(self, name: str, ids: np.ndarray) -> np.ndarray:
        """(rows, width) of a table. Only what is read is widened, and none stays in memory unless all is needed."""
        if name in self._wide:
            return self._wide[name][ids]
        return to_float32(take_rows(self._stored[name], ids))


READERS: dict[str, Callable[[NumpyForward, np.ndarray], np.ndarray]] = {
    "masked_lm": NumpyForward._language_model,
    "sequence_classification": NumpyForward._sequence_classification,
    "multiple_choice": NumpyForward._multiple_choice,
    "token_classification": NumpyForward._token_classification,
    "question_answering": NumpyForward._question_answering,
}
