"""GenerationSettings: every option of `generate`, with its documented name, its default and its bounds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from roberta.config import GENERATION_FILE, RobertaConfig
from roberta.errors import CheckpointError, InputError
from roberta.files import read_json, write_json
from roberta.hub import Origin
from roberta.spelling import did_you_mean

NEW_TOKENS = 20  # where neither max_length nor max_new_tokens is given

# Options of the reference that change which text comes out and are not offered here. In a file these values mean "off".
_OFF = (None, False, 0, 1)
_NOT_OFFERED = {
    "constraints",
    "diversity_penalty",
    "dola_layers",
    "encoder_no_repeat_ngram_size",
    "encoder_repetition_penalty",
    "exponential_decay_length_penalty",
    "force_words_ids",
    "guidance_scale",
    "max_time",
    "num_beam_groups",
    "penalty_alpha",
    "remove_invalid_values",
    "sequence_bias",
    "token_healing",
    "watermarking_config",
}
_SAMPLING_ONLY = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")


@dataclass(frozen=True)
class GenerationSettings:
    """How a text is continued. Names and defaults are those of the reference documentation.

    Length. max_new_tokens counts new tokens only and max_length the prompt's too; the first wins where both are given,
    and so does min_new_tokens over min_length. With neither, 20 new tokens, or as many as the model has room for.
    eos_token_id: an id or several; None: the model's own; []: a text never ends early. pad_token_id fills ended rows.
    stop_strings: a text, or several, whose appearance ends a row; it stays in the row.

    Search. num_beams > 1: beam search, with length_penalty (above 0 favours long texts) and early_stopping: True, as
    soon as num_beams texts have ended; False, when better ones are unlikely; "never", when they are impossible.
    do_sample: draw instead of taking the best. num_return_sequences: texts for each prompt.

    Scores. repetition_penalty, no_repeat_ngram_size, bad_words_ids, forced_bos_token_id, forced_eos_token_id,
    suppress_tokens, begin_suppress_tokens; when sampling temperature, top_k (50 unless told; 0: all), top_p, min_p,
    typical_p, epsilon_cutoff, eta_cutoff: see the class of each rule in `roberta.generation.sampling`.

    Output. return_dict_in_generate: a GenerateOutput in place of ids alone; output_scores, output_logits: with the
    scores of each step after the rules, or before them.

    >>> GenerationSettings(num_beams=4, eos_token_id=[2, 5]).eos_ids
    (2, 5)

    Raises InputError: a value out of its bounds, or two that contradict each other.
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    early_stopping: bool | str = False
    stop_strings: str | Sequence[str] | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_return_sequences: int = 1
    use_cache: bool = True
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    min_p: float | None = None
    typical_p: float = 1.0
    epsilon_cutoff: float = 0.0
    eta_cutoff: float = 0.0
    repetition_penalty: float = 1.0
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    bad_words_ids: Sequence[Sequence[int]] | None = None
    renormalize_logits: bool = False
    forced_bos_token_id: int | None = None
    forced_eos_token_id: int | Sequence[int] | None = None
    suppress_tokens: Sequence[int] | None = None
    begin_suppress_tokens: Sequence[int] | None = None
    output_scores: bool = False
    output_logits: bool = False
    return_dict_in_generate: bool = False
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | Sequence[int] | None = None

    def __post_init__(self):
        # None means "as if not given" wherever the default is a value: files write it so.
        for field in fields(self):
            if getattr(self, field.name) is None:
                object.__setattr__(self, field.name, field.default)
        for name, least in _WHOLE.items():
            _check_whole(name, getattr(self, name), least)
        for name, (fits, wanted) in _NUMBERS.items():
            _check_number(name, getattr(self, name), fits, wanted)
        for name in _IDS:
            for token in _ids(getattr(self, name), name):
                _check_whole(name, token, 0)
        for word in self.bad_words_ids or ():
            if not _ids(word, "bad_words_ids"):
                raise InputError("bad_words_ids holds an empty word; give each word as a list of at least one id")
            for token in word:
                _check_whole("bad_words_ids", token, 0)
        for name in _CLAIMS:
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} is {getattr(self, name)!r}; give True or False")
        if not (isinstance(self.early_stopping, bool) or self.early_stopping == "never"):
            raise InputError(f'early_stopping is {self.early_stopping!r}; choose from True, False and "never"')
        if any(not isinstance(text, str) or not text for text in self.stop_texts):
            raise InputError(f"stop_strings is {self.stop_strings!r}; give one text or several, none of them empty")
        self._check_together()

    def _check_together(self) -> None:
        if self.num_return_sequences > self.num_beams > 1:
            raise InputError(
                f"num_return_sequences {self.num_return_sequences} is more than num_beams {self.num_beams};"
                " a search returns no more texts than it has beams"
            )
        if self.num_return_sequences > 1 and self.num_beams == 1 and not self.do_sample:
            raise InputError(
                f"num_return_sequences {self.num_return_sequences} texts of a greedy search would all be the same;"
                " set num_beams or do_sample=True"
            )
        if self.min_new_tokens is not None and self.max_new_tokens is not None:
            least, most, unit = self.min_new_tokens, self.max_new_tokens, "new_tokens"
        elif self.min_new_tokens is None and self.max_new_tokens is None and self.max_length is not None:
            least, most, unit = self.min_length, self.max_length, "length"
        else:
            return
        if least > most:
            raise InputError(f"min_{unit} {least} is more than max_{unit} {most}; no text can be both")

    @property
    def eos_ids(self) -> tuple[int, ...]:
        """The ids that end a text."""
        return _ids(self.eos_token_id, "eos_token_id")

    @property
    def forced_eos_ids(self) -> tuple[int, ...]:
        """The ids of which one must stand last where a text reaches its greatest length."""
        return _ids(self.forced_eos_token_id, "forced_eos_token_id")

    @property
    def stop_texts(self) -> tuple[str, ...]:
        """The texts that end a row."""
        return (self.stop_strings,) if isinstance(self.stop_strings, str) else tuple(self.stop_strings or ())

    def with_options(self, options: Mapping[str, Any]) -> GenerationSettings:
        """These settings with the options of one call in place of their own.

        Raises InputError: an option that does not exist, or a value that does not fit.
        """
        for name in options:
            if name in _NOT_OFFERED:
                raise InputError(f"generate() does not offer {name}; leave it out")
            if name not in _KNOWN:
                hint = did_you_mean(name, [*_KNOWN, *_OF_THE_CALL]) or "; GenerationSettings lists what there is"
                raise InputError(f"generate() has no option {name}{hint}")
        given = {name: value for name, value in options.items() if value is not None}
        settings = replace(self, **given)
        unused = [name for name in _SAMPLING_ONLY if name in given]
        if unused and not settings.do_sample:
            warnings.warn(f"{', '.join(unused)}: without effect unless do_sample=True", UserWarning, stacklevel=4)
        return settings

    def for_model(self, config: RobertaConfig) -> GenerationSettings:
        """These settings with the model's own special ids where they name none.

        Raises InputError: an id that the model's vocabulary does not hold.
        """
        pad = self.pad_token_id if self.pad_token_id is not None else config.pad_token_id
        bos = self.bos_token_id if self.bos_token_id is not None else config.bos_token_id
        eos = self.eos_token_id if self.eos_token_id is not None else config.eos_token_id
        settings = replace(self, pad_token_id=pad, bos_token_id=bos, eos_token_id=eos)
        named = {name: _ids(getattr(settings, name), name) for name in _IDS}
        named["bad_words_ids"] = tuple(token for word in settings.bad_words_ids or () for token in word)
        for name, tokens in named.items():
            if tokens and max(tokens) >= config.vocab_size:
                raise InputError(
                    f"{name} names id {max(tokens)}; the model's vocabulary has ids 0 to {config.vocab_size - 1}"
                )
        return settings

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, source: str = "the given dict") -> GenerationSettings:
        """Build settings from the contents of a generation_config.json; `source` names it in errors.

        Warns of an option that would change the text and is not offered; other unknown ones are left aside.

        Raises CheckpointError: a value that does not fit.
        """
        lost = sorted(name for name in values if name in _NOT_OFFERED and values[name] not in _OFF)
        if lost:
            warnings.warn(f"{source}: generate() does not offer {', '.join(lost)}; left out", UserWarning, stacklevel=2)
        try:
            return cls(**{name: value for name, value in values.items() if name in _KNOWN})
        except InputError as error:
            raise CheckpointError(f"{source}: not usable: {error}") from None

    @classmethod
    def from_pretrained(cls, name: str | Path, **arguments: Any) -> GenerationSettings:
        """Read generation_config.json from a folder or a hub id; keyword arguments override its values.

        Raises CheckpointError: no such folder or file, or values that do not fit.
        """
        origin, options = Origin.split(name, arguments)
        path = origin.need(GENERATION_FILE)
        return cls.from_dict(read_json(path), source=str(path)).with_options(options)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write generation_config.json into `folder`: every value that differs from its default."""
        defaults = GenerationSettings()
        values = {name: value for name, value in asdict(self).items() if value != getattr(defaults, name)}
        write_json(Path(folder) / GENERATION_FILE, values)


GenerationConfig = GenerationSettings  # the documented name

_KNOWN = tuple(field.name for field in fields(GenerationSettings))
_OF_THE_CALL = (
    "attention_mask",
    "encoder_attention_mask",
    "encoder_hidden_states",
    "generation_config",
    "generator",
    "input_ids",
    "logits_processor",
    "on_token",
    "seed",
    "tokenizer",
)
# Whole numbers that may be absent, and the least of each.
_WHOLE = {
    "max_length": 1,
    "max_new_tokens": 1,
    "min_length": 0,
    "min_new_tokens": 0,
    "num_beams": 1,
    "num_return_sequences": 1,
    "top_k": 0,
    "no_repeat_ngram_size": 0,
}
_NUMBERS = {
    "temperature": (lambda value: value > 0, "above 0; for the likeliest token each time leave do_sample out"),
    "top_p": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "min_p": (lambda value: 0 <= value <= 1, "from 0 to 1"),
    "typical_p": (lambda value: 0 < value <= 1, "above 0, up to 1"),
    "epsilon_cutoff": (lambda value: 0 <= value < 1, "from 0 to below 1"),
    "eta_cutoff": (lambda value: 0 <= value < 1, "from 0 to below 1"),
    "repetition_penalty": (lambda value: value > 0, "above 0"),
    "length_penalty": (lambda value: True, "finite"),
}
_IDS = (
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
    "suppress_tokens",
    "begin_suppress_tokens",
)
_CLAIMS = (
    "do_sample",
    "use_cache",
    "renormalize_logits",
    "output_scores",
    "output_logits",
    "return_dict_in_generate",
)


def _ids(value: Any, name: str) -> tuple[int, ...]:
    """None, one id or several as a tuple of ids."""
    if value is None:
        return ()
    if isinstance(value, Integral):
        return (value,)
    try:
        if not isinstance(value, str):
            return tuple(value)
    except TypeError:
        pass
    raise InputError(f"{name} is {value!r}; give token ids, whole numbers")


def _check_whole(name: str, value: Any, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise InputError(f"{name} is {value!r}; it must be a whole number, {least} or more")


def _check_number(name: str, value: Any, fits, wanted: str) -> None:
    if value is None:
        return
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not number or not fits(value):
        raise InputError(f"{name} is {value!r}; it must be a number {wanted}")
