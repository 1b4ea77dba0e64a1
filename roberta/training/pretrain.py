"""From files of text to the objective of a language model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from roberta.errors import InputError, UsageError
from roberta.generation.causal import RobertaForCausalLM
from roberta.model.models import RobertaForMaskedLM
from roberta.model.pretrained import PretrainedModel
from roberta.records import Fields
from roberta.tokenizer import RobertaTokenizer
from roberta.training.blocks import full_sentences
from roberta.training.causal import CausalLM
from roberta.training.examples import share_of
from roberta.training.language import Blocks
from roberta.training.masking import Masking
from roberta.training.mlm import MaskedLM
from roberta.training.start import Sizes, start
from roberta.training.svd_start import start_from_counts
from roberta.training.token_file import cached
from roberta.training.word_starts import WordStarts

STARTS = ("random", "svd")
DEFAULTS = {"lr": 5e-4, "betas": (0.9, 0.98), "eps": 1e-6, "weight_decay": 0.01, "batch_tokens": 8192}


@dataclass(frozen=True)
class Texts:
    """What a language model learns from.

    train: files; a file named twice counts twice. output: the tokens are written to `output`/tokens, once.
    dev: a file, a share of the blocks such as "1%", or None. length: tokens of a block; None: the model's limit.
    report: told now and then how many tokens are ready. reading: for `read_records`.
    """

    train: Sequence[str]
    output: Path
    dev: str | None = None
    length: int | None = None
    fields: Fields = field(default_factory=Fields)
    report: Callable[[int], None] | None = None
    reading: dict[str, Any] = field(default_factory=dict)

    def blocks(self, words: RobertaTokenizer, usable_length: int, seed: int) -> tuple[Blocks, Blocks | None]:
        """For training and for development. Raises InputError: no text; UsageError: a length that the model has not."""
        if self.length is not None and not 8 <= self.length <= usable_length:
            raise UsageError(f"--length {self.length}; this model takes 8 to {usable_length} tokens")
        room = (self.length or usable_length) - 2
        file = cached(self.output / "tokens", self.train, self.fields, words, self.report, **self.reading)
        train = Blocks(file, full_sentences(file, room))
        if not len(train.places):
            raise InputError(f"no text in {', '.join(self.train)}; give files with text")
        if self.dev is None:
            return train, None
        if self.dev.endswith("%"):
            return _hold_out(train, self.dev, seed)
        other = cached(self.output / "tokens-dev", [self.dev], self.fields, words, **self.reading)
        dev = Blocks(other, full_sentences(other, room))
        if not len(dev.places):
            raise InputError(f"no text in {self.dev}; give --dev a file with text, or a share such as 1%")
        return train, dev


@dataclass(frozen=True)
class Beginning:
    """What a language model starts from: a checkpoint, or a vocabulary and sizes, which may also let one grow.

    init: "random", or "svd" for word vectors from how words occur together in the training text.
    """

    model: str | None = None
    tokenizer: str | None = None
    sizes: Sizes = field(default_factory=Sizes)
    init: str = "random"

    def open(self, kind: type[PretrainedModel], seed: int, **config) -> tuple[PretrainedModel, RobertaTokenizer]:
        """The model and its words. Raises UsageError: no vocabulary, or one that is too large for the model."""
        if self.init not in STARTS:
            raise UsageError(f"no way {self.init!r} to start; choose from {', '.join(STARTS)}")
        if self.init == "svd" and self.model is not None:
            raise UsageError("--init svd is for a new model; with --model the words have their vectors already")
        if self.model is None and self.tokenizer is None:
            raise UsageError(
                "a new model needs a vocabulary: --tokenizer DIR, from roberta train tokenizer; or go on from --model"
            )
        words = RobertaTokenizer.from_pretrained(self.tokenizer or self.model)
        model = start(kind, self.model, words, self.sizes, seed, **config)
        if len(words) > model.config.vocab_size:
            raise UsageError(f"{len(words)} words for a model of {model.config.vocab_size}; take the model's own words")
        # A fresh vocabulary knows no limit, that of a model that grew a former one, and programs that read the folder
        # cut texts where it says.
        limit = model.config.usable_length
        words.model_max_length = limit if self.sizes.positions else min(words.model_max_length, limit)
        return model, words


def open_mlm(
    texts: Texts,
    beginning: Beginning,
    *,
    seed: int = 0,
    mask_prob: float = 0.15,
    whole_words: bool = False,
    shift_positions: bool = False,
    resuming: bool = False,
) -> MaskedLM:
    """The objective of `roberta train mlm`. resuming: weights come from a checkpoint, so none are made.

    Raises UsageError: values that do not fit together; InputError: no text.
    """
    model, words = beginning.open(RobertaForMaskedLM, seed)
    special = _special(words, model.config.vocab_size)
    masking = Masking(words.mask_token_id, special, mask_prob, WordStarts(words) if whole_words else None)
    train, dev = texts.blocks(words, model.config.usable_length, seed)  # last: a corpus may take hours
    if beginning.init == "svd" and not resuming:
        start_from_counts(model, train.file.ids, special=special, seed=seed)
    return MaskedLM(
        model=model,
        tokenizer=words,
        train=train,
        dev=dev,
        masking=masking,
        seed=seed,
        shift_positions=shift_positions,
    )


def open_causal(texts: Texts, beginning: Beginning, *, seed: int = 0, resuming: bool = False) -> CausalLM:
    """The objective of `roberta train causal`: a decoder, which each word lets see only those before it."""
    model, words = beginning.open(RobertaForCausalLM, seed, is_decoder=True)
    train, dev = texts.blocks(words, model.config.usable_length, seed)
    if beginning.init == "svd" and not resuming:
        start_from_counts(model, train.file.ids, special=_special(words, model.config.vocab_size), seed=seed)
    return CausalLM(model, words, train, dev)


def _special(words: RobertaTokenizer, size: int) -> np.ndarray:
    """(size,) which ids are no words of a text."""
    special = np.zeros(size, bool)
    special[words.all_special_ids] = True
    special[len(words) :] = True
    return special


def _hold_out(blocks: Blocks, dev: str, seed: int) -> tuple[Blocks, Blocks]:
    """That share of the blocks, drawn by chance, apart from the others."""
    count = round(share_of(dev) * len(blocks.places))
    if not 0 < count < len(blocks.places):
        raise UsageError(f"--dev {dev} of {len(blocks.places)} blocks leaves nothing on one side; give another share")
    order = np.random.default_rng([seed, len(blocks.places)]).permutation(len(blocks.places))
    kept, apart = np.sort(order[count:]), np.sort(order[:count])
    return Blocks(blocks.file, blocks.places[kept]), Blocks(blocks.file, blocks.places[apart])
