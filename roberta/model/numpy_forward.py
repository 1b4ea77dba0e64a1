"""The encoder and the plain heads once more, in NumPy: a few texts are answered before torch would be imported.

Hidden states are (width, tokens) here, a column for each token. With few tokens that is the quick way round: `weight @
hidden` reads each weight once and as it is stored, (out, in), and shares its rows out among the threads. The columns of
all windows stand side by side, with no padding between them; only the attention keeps windows apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from roberta.config import RobertaConfig
from roberta.model.parameters import BODY, HEADS, Shapes, body_shapes, check_range, head_shapes, position_ids
from roberta.weights.arrays import to_float32
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

    def __call__(
        self, windows: Sequence[Sequence[int]], rows: Sequence[Sequence[int]], layers: Sequence[int] = (-1,)
    ) -> list[np.ndarray]:
        """For each window (rows, outputs), or (outputs,) for a head that reads only <s>.

        rows: the positions of each window that are read. layers: those whose mean is read, 0 the embeddings.

        Raises InputError: ids that the model does not have, or a window longer than its position table.
        """
        edges = np.cumsum([0, *map(len, windows)])
        with np.errstate(all="ignore"):  # what is not a number is looked for at the end, by the backend
            hidden = self._hidden_states(windows, edges, layers)
            if self.head == HIDDEN_STATES or HEADS[self.head].rows != "first":
                read = [start + row for start, asked in zip(edges, rows) for row in asked]
                found = np.ascontiguousarray(self._read(hidden[:, read]).T)
                return np.split(found, np.cumsum([len(asked) for asked in rows])[:-1])
            return list(self._read(hidden[:, edges[:-1]]).T)

    def _hidden_states(self, windows: Sequence[Sequence[int]], edges: np.ndarray, layers: Sequence[int]) -> np.ndarray:
        """(width, tokens of all windows): the mean of the layers asked for."""
        count = self.config.num_hidden_layers + 1
        wanted = [layer + count if layer < 0 else layer for layer in layers]
        hidden = self._embeddings(windows)
        total = np.zeros_like(hidden)
        for number in range(max(wanted) + 1):
            if number:
                hidden = self._layer(f"{BODY}encoder.layer.{number - 1}.", hidden, edges)
            if times := wanted.count(number):
                total += times * hidden
        return total / len(wanted)

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

    def _layer(self, name: str, hidden: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """(width, tokens) -> the same shape."""
        mixed = self._attention(f"{name}attention.self.", hidden, edges)
        hidden = self._norm(
            f"{name}attention.output.LayerNorm", self._linear(f"{name}attention.output.dense", mixed) + hidden
        )
        wide = gelu(self._linear(f"{name}intermediate.dense", hidden))
        return self._norm(f"{name}output.LayerNorm", self._linear(f"{name}output.dense", wide) + hidden)

    def _attention(self, name: str, hidden: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """(width, tokens) -> (heads x width of a head, tokens); each window sees itself alone."""
        size = self.config.head_size
        query = self._linear(f"{name}query", hidden)
        query /= np.float32(size**0.5)
        key, value = self._linear(f"{name}key", hidden), self._linear(f"{name}value", hidden)
        mixed = np.empty_like(query)
        for start, end in pairwise(edges):
            # (heads, width of a head, tokens of the window); pruned heads are not there
            q, k, v = (whole[:, start:end].reshape(-1, size, end - start) for whole in (query, key, value))
            weights = k.transpose(0, 2, 1) @ q  # (heads, keys, queries)
            weights -= weights.max(1, keepdims=True)
            np.exp(weights, weights)
            weights /= weights.sum(1, keepdims=True)
            mixed[:, start:end] = (v @ weights).reshape(-1, end - start)
        return mixed

    def _read(self, hidden: np.ndarray) -> np.ndarray:
        """(width, columns that are read) -> (outputs, columns)."""
        return hidden if self.head == HIDDEN_STATES else READERS[self.head](self, hidden)

    def _language_model(self, hidden: np.ndarray) -> np.ndarray:
        hidden = self._norm("lm_head.layer_norm", gelu(self._linear("lm_head.dense", hidden)))
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

    def _linear(self, name: str, hidden: np.ndarray) -> np.ndarray:
        """(in, tokens) -> (out, tokens)."""
        found = self._weight(f"{name}.weight") @ hidden
        found += self._weight(f"{name}.bias")[:, None]
        return found

    def _norm(self, name: str, hidden: np.ndarray) -> np.ndarray:
        """LayerNorm of each column; the sums in float64, as they run over the width in one go."""
        centred = hidden - hidden.mean(0, dtype=np.float64).astype(np.float32)
        variance = np.square(centred).mean(0, dtype=np.float64)
        centred *= (1 / np.sqrt(variance + self.config.layer_norm_eps)).astype(np.float32)
        centred *= self._weight(f"{name}.weight")[:, None]
        centred += self._weight(f"{name}.bias")[:, None]
        return centred

    def _weight(self, name: str) -> np.ndarray:
        if name not in self._wide:
            self._wide[name] = to_float32(self._stored[name])
        return self._wide[name]

    def _rows(self, name: str, ids: np.ndarray) -> np.ndarray:
        """(rows, width) of a table; only what is read of it is widened."""
        return to_float32(self._stored[name][ids])


READERS: dict[str, Callable[[NumpyForward, np.ndarray], np.ndarray]] = {
    "masked_lm": NumpyForward._language_model,
    "sequence_classification": NumpyForward._sequence_classification,
    "multiple_choice": NumpyForward._multiple_choice,
    "token_classification": NumpyForward._token_classification,
    "question_answering": NumpyForward._question_answering,
}


def gelu(x: np.ndarray) -> np.ndarray:
    """x times the share of a normal distribution that lies below it; off by at most 4e-7 times max(1, |x|)."""
    return x * (0.5 + 0.5 * erf(x * np.float32(0.5**0.5)))


def erf(x: np.ndarray) -> np.ndarray:
    """The error function, of float32 numbers, within 5e-7 of its true value.

    The formula is off by 1.5e-7 at most, the rest is float32's rounding.
    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
    """
    size = np.abs(x)
    t = 1 / (1 + 0.3275911 * size)
    series = 1.061405429 * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += coefficient
        series *= t
    size *= -size
    series *= np.exp(size, size)
    return np.copysign(1 - series, x)
