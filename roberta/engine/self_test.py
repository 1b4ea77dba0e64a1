"""A forward pass whose numbers are known: do NumPy and torch compute here what is computed elsewhere?"""

from __future__ import annotations

import numpy as np

from roberta.config import RobertaConfig
from roberta.model.numpy_forward import NumpyForward, needed_shapes
from roberta.weights.names import DECODER, WORD_TABLE

TOLERANCE = 1e-4  # processors round differently, by less than this; what is broken is off in the first digit
HEAD = "masked_lm"
TEXTS = ([0, 7, 19, 4, 31, 2], [0, 11, 5, 2])  # ids; the second is padded where a batch is a rectangle
PLACES = ((3, 5), (2,))  # of each text, whose logits are compared
WORDS = (3, 17, 29)  # whose logits they are
# By transformers 4.57, in float64, from `known_weights`: (places of all texts, words).
EXPECTED = np.array(
    [
        [-0.71214391, -0.86612458, 0.09403073],
        [-0.68740141, -0.82829798, 0.03808300],
        [-0.80801787, -1.00354302, 0.28349573],
    ]
)


def known_config() -> RobertaConfig:
    return RobertaConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=40,
        max_position_embeddings=12,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
    )


def known_weights() -> dict[str, np.ndarray]:
    """Every weight a sine of its place, around 1 in a norm's scale: the same with any version of any library."""
    shapes = needed_shapes(known_config(), HEAD)
    shared = {DECODER: WORD_TABLE, "lm_head.decoder.bias": "lm_head.bias"}
    weights = {}
    for number, name in enumerate(sorted(shapes.keys() - shared.keys())):
        wave = 0.3 * np.sin(np.arange(np.prod(shapes[name])) * 0.7 + number) + name.endswith("orm.weight")
        weights[name] = wave.reshape(shapes[name]).astype(np.float32)
    return weights | {name: weights[same] for name, same in shared.items()}


def largest_difference(backend: str) -> float:
    """How far the logits are from the known ones that "numpy" computes, or torch on a device such as "cuda:0".

    >>> largest_difference("cpu") < TOLERANCE
    True
    """
    found = _by_numpy() if backend == "numpy" else _by_torch(backend)
    return float(np.abs(found[:, WORDS] - EXPECTED).max())


def _by_numpy() -> np.ndarray:
    return np.concatenate(NumpyForward(known_config(), known_weights(), HEAD)(TEXTS, PLACES))


def _by_torch(device: str) -> np.ndarray:
    import torch

    from roberta.model.models import RobertaForMaskedLM

    model = RobertaForMaskedLM(known_config()).eval()
    model.load_state_dict({name: torch.from_numpy(weight) for name, weight in known_weights().items()})
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(text) for text in TEXTS], True, padding_value=1).to(device)
    with torch.inference_mode():
        logits = model.to(device)(ids, attention_mask=(ids != 1).long()).logits.float().cpu().numpy()
    return np.concatenate([logits[row, list(places)] for row, places in enumerate(PLACES)])
