"""From files of text to the objective of a language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.model.models import RobertaForMaskedLM
from roberta.records import Fields
from roberta.tokenizer import RobertaTokenizer
from roberta.training.blocks import full_sentences
from roberta.training.language import Blocks
from roberta.training.masking import Masking
from roberta.training.mlm import MaskedLM
from roberta.training.settings import Settings
from roberta.training.start import Sizes, start
from roberta.training.svd_start import start_from_counts
from roberta.training.token_file import cached

STARTS = ("random", "svd")
DEFAULTS = {"lr": 5e-4, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.01, "batch_tokens": 8192}


def open_mlm(
    texts: Sequence[str],
    output: Path,
    settings: Settings,
    *,
    dev: str | None = None,
    fields: Fields | None = None,
    model: str | None = None,
    tokenizer: str | None = None,
    sizes: Sizes | None = None,
    length: int | None = None,
    init: str = "random",
    mask_prob: float = 0.15,
    whole_words: bool = False,
    shift_positions: bool = False,
    resuming: bool = False,
    report: Callable[[int], None] | None = None,
    **reading,
) -> MaskedLM:
    """The objective of `roberta train mlm`; the tokens of the texts are written to `output`/tokens, once.

    dev: files, or a share of the blocks such as "1%". resuming: weights come from a checkpoint, so none are made.

    Raises UsageError: values that do not fit together; InputError: no text.
    """
    if init not in STARTS:
        raise UsageError(f"no way {init!r} to start; choose from {', '.join(STARTS)}")
    if model is None and tokenizer is None:
        raise UsageError("a new model needs a vocabulary: --tokenizer DIR, from roberta train tokenizer; or --model")
    fields = fields or Fields()
    words = RobertaTokenizer.from_pretrained(tokenizer or model)
    network = start(RobertaForMaskedLM, model, words, sizes or Sizes(), settings.seed)
    if len(words) > network.config.vocab_size:
        raise UsageError(
            f"{len(words)} words for a model of {network.config.vocab_size}; take the model's own vocabulary"
        )
    room = network.config.usable_length
    if length is not None and not 8 <= length <= room:
        raise UsageError(f"--length {length}; this model takes 8 to {room} tokens")
    file = cached(output / "tokens", texts, fields, words, report, **reading)
    train = Blocks(file, full_sentences(file, (length or room) - 2))
    if not len(train.places):
        raise InputError(f"no text in {', '.join(texts)}; give files with text")
    train, held_out = _hold_out(train, dev, settings.seed)
    if dev and held_out is None:
        other = cached(output / "tokens-dev", [dev], fields, words, **reading)
        held_out = Blocks(other, full_sentences(other, (length or room) - 2))
    special = np.zeros(network.config.vocab_size, bool)
    special[words.all_special_ids] = True
    special[len(words) :] = True
    if init == "svd" and not resuming:
        start_from_counts(network, file.ids, special=special, seed=settings.seed)
    begins = _begins_word(words, network.config.vocab_size) if whole_words else None
    masking = Masking(words.mask_token_id, special, mask_prob, begins)
    return MaskedLM(network, words, train, held_out, masking, settings.seed, shift_positions)


def _hold_out(blocks: Blocks, dev: str | None, seed: int) -> tuple[Blocks, Blocks | None]:
    """With dev such as "1%", that share of the blocks, drawn by chance, apart from the others."""
    if dev is None or not dev.endswith("%"):
        return blocks, None
    try:
        share = float(dev[:-1]) / 100
    except ValueError:
        share = 0.0
    count = round(share * len(blocks.places))
    if not 0 < count < len(blocks.places):
        raise UsageError(f"--dev {dev} of {len(blocks.places)} blocks leaves nothing on one side; give another share")
    order = np.random.default_rng([seed, len(blocks.places)]).permutation(len(blocks.places))
    kept, apart = np.sort(order[count:]), np.sort(order[:count])
    return Blocks(blocks.file, blocks.places[kept]), Blocks(blocks.file, blocks.places[apart])


def _begins_word(words: RobertaTokenizer, size: int) -> np.ndarray:
    """(size,) whether a token starts a word: it holds a blank before its letters, or is no letter at all."""
    begins = np.ones(size, bool)
    for token, number in words.get_vocab().items():
        begins[number] = not token[:1].isalpha() or token[0] in "ĠĊ"
    return begins
