"""RobertaTokenizer: text to ids and back, with everything that the documentation promises about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from roberta.errors import CheckpointError, InputError
from roberta.tokenizer import loading, saving
from roberta.tokenizer.calling import Calling
from roberta.tokenizer.decoding import Decoding
from roberta.tokenizer.encoder import Encoder
from roberta.tokenizer.options import NO_LIMIT, check_side
from roberta.tokenizer.padding import Padding
from roberta.tokenizer.special_tokens import NAMES
from roberta.tokenizer.vocabulary import Vocabulary, added_tokens_of, read_tokenizer_json, read_vocab_and_merges


class RobertaTokenizer(Calling, Padding, Decoding):
    """Byte-level byte-pair encoding as RoBERTa was trained with, with the documented arguments and methods.

    vocab_file, merges_file: vocab.json and merges.txt; or tokenizer_file: tokenizer.json, which holds both; or
        vocabulary: a Vocabulary that was read before. Usually `from_pretrained` finds them.
    errors: what decoding does with bytes that are no UTF-8, as in `bytes.decode`.
    bos_token ... mask_token: the named tokens, strings or AddedTokens; those that the vocabulary lacks are added.
    add_prefix_space: put a blank before a text that has none, so that its first word is encoded like any other.
    trim_offsets: leave the blank before a word out of its span.
    model_max_length: the longest input in tokens, framing counted.
    padding_side, truncation_side: "right" or "left".
    split_special_tokens: special tokens in a text are ordinary text.
    Further keywords are kept and written back by `save_pretrained`.

    >>> RobertaTokenizer.from_pretrained("roberta-base")("Hello world").input_ids
    [0, 31414, 232, 2]

    Raises CheckpointError: no vocabulary, or one that cannot be used.
    """

    vocab_files_names: ClassVar = {"vocab_file": "vocab.json", "merges_file": "merges.txt"}
    model_input_names: ClassVar = ["input_ids", "attention_mask"]
    is_fast = True
    _words_need_prefix = False  # is_split_into_words puts a blank before every word, whatever add_prefix_space says
    _single_file_first = False

    def __init__(
        self,
        vocab_file: str | Path | None = None,
        merges_file: str | Path | None = None,
        errors: str = "replace",
        bos_token: Any = "<s>",
        eos_token: Any = "</s>",
        sep_token: Any = "</s>",
        cls_token: Any = "<s>",
        unk_token: Any = "<unk>",
        pad_token: Any = "<pad>",
        mask_token: Any = "<mask>",
        add_prefix_space: bool = False,
        trim_offsets: bool = True,
        *,
        tokenizer_file: str | Path | None = None,
        vocabulary: Vocabulary | None = None,
        additional_special_tokens: Any = None,
        added_tokens_decoder: dict[int, Any] | None = None,
        model_max_length: int | None = None,
        padding_side: str = "right",
        truncation_side: str = "right",
        model_input_names: list[str] | None = None,
        clean_up_tokenization_spaces: bool = False,
        split_special_tokens: bool = False,
        name_or_path: str = "",
        **others: Any,
    ):
        if vocabulary is None:
            vocabulary = _read(vocab_file, merges_file, tokenizer_file)
        self._vocabulary = vocabulary
        self.errors = errors
        self.add_prefix_space = add_prefix_space
        self.trim_offsets = trim_offsets
        self.model_max_length = NO_LIMIT if model_max_length is None else int(model_max_length)
        self.padding_side = check_side("padding_side", padding_side)
        self.truncation_side = check_side("truncation_side", truncation_side)
        self.model_input_names = list(model_input_names or self.model_input_names)
        self.clean_up_tokenization_spaces = clean_up_tokenization_spaces
        self.split_special_tokens = split_special_tokens
        self.name_or_path = str(name_or_path)
        self.init_kwargs = others
        tokens = (bos_token, eos_token, unk_token, sep_token, pad_token, cls_token, mask_token)
        added = vocabulary.added | added_tokens_of(added_tokens_decoder or {}, "added_tokens_decoder")
        self._set_special_tokens(dict(zip(NAMES, tokens)), additional_special_tokens, added)
        self._encoder = Encoder(vocabulary, self._added)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *_unused: Any, **kwargs: Any) -> RobertaTokenizer:
        """Read the vocabulary and the settings of a folder, or of a repository of the hub.

        The vocabulary is vocab.json with merges.txt, tokenizer.json, or fairseq's dict.txt with encoder.json and
        vocab.bpe. Keywords override what tokenizer_config.json says; revision, token, cache_dir, local_files_only and
        subfolder say where to look. No code that comes with a checkpoint is run.

        Raises CheckpointError: no such folder, none of these files, or files of another kind of tokenizer.
        """
        vocabulary, settings = loading.read(
            pretrained_model_name_or_path, kwargs, single_file_first=cls._single_file_first
        )
        try:
            return cls(vocabulary=vocabulary, **settings)
        except (InputError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"{settings['name_or_path']}: not a usable tokenizer: {error}") from None

    def save_pretrained(
        self, save_directory: str | Path, legacy_format: bool | None = None, filename_prefix: str | None = None
    ) -> tuple[str, ...]:
        """Write every file of the tokenizer, each whole or not at all; gives their paths.

        tokenizer_config.json, special_tokens_map.json, vocab.json, merges.txt, added_tokens.json if there are any
        beyond the vocabulary, and tokenizer.json. legacy_format: True leaves tokenizer.json out, False writes only it
        and the first two.
        """
        return saving.save(self, Path(save_directory), legacy_format, filename_prefix)

    def save_vocabulary(self, save_directory: str | Path, filename_prefix: str | None = None) -> tuple[str, str]:
        """Write vocab.json and merges.txt only; gives their paths."""
        return saving.save_vocabulary(self._vocabulary, Path(save_directory), filename_prefix)

    @property
    def vocab_size(self) -> int:
        """Tokens of the vocabulary; those added beyond it are not counted."""
        return len(self._vocabulary.names)

    def __len__(self) -> int:
        """Tokens of the vocabulary and those added beyond it."""
        return len(self._vocabulary.names) + sum(id >= len(self._vocabulary.names) for id in self._added.tokens)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, special_tokens={self.special_tokens_map})"
        )

    def get_vocab(self) -> dict[str, int]:
        """Every token and its id, added ones included."""
        return self._vocabulary.ids | self._added.ids

    @property
    def vocab(self) -> dict[str, int]:
        """Every token and its id, added ones included."""
        return self.get_vocab()

    def frame(self, ids: list[int], pair_ids: list[int] | None = None) -> list[int]:
        """`<s> ids </s>`, or `<s> ids </s></s> pair_ids </s>`."""
        cls, sep = self.cls_token_id, self.sep_token_id
        if pair_ids is None:
            return [cls, *ids, sep]
        return [cls, *ids, sep, sep, *pair_ids, sep]

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """The documented name of `frame`."""
        return self.frame(token_ids_0, token_ids_1)

    def get_special_tokens_mask(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None, already_has_special_tokens: bool = False
    ) -> list[int]:
        """1 for each token of the framing, 0 for each of the text, as `frame` would lay them out.

        already_has_special_tokens: token_ids_0 is framed; 1 for every special token in it.
        """
        if already_has_special_tokens:
            if token_ids_1 is not None:
                raise InputError("token_ids_1 has no place beside framed ids; give all of them as token_ids_0")
            special = set(self.all_special_ids)
            return [int(id in special) for id in token_ids_0]
        second = [] if token_ids_1 is None else [1, *[0] * len(token_ids_1), 1]
        return [1, *[0] * len(token_ids_0), 1, *second]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Zeros, as many as `frame` gives ids: RoBERTa has one token type."""
        return [0] * len(self.frame(token_ids_0, token_ids_1))

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Tokens of the framing: 2, or 4 around a pair."""
        return 4 if pair else 2

    @property
    def max_len_single_sentence(self) -> int:
        """Tokens that one text may have."""
        return self.model_max_length - self.num_special_tokens_to_add()

    @property
    def max_len_sentences_pair(self) -> int:
        """Tokens that the texts of a pair may have together."""
        return self.model_max_length - self.num_special_tokens_to_add(pair=True)


class RobertaTokenizerFast(RobertaTokenizer):
    """The same tokenizer under the documented name of the fast one, which differs in three points.

    Its third argument is tokenizer_file, it takes tokenizer.json before vocab.json, and it refuses text that is split
    into words (`is_split_into_words`) unless it was built with add_prefix_space=True.
    """

    vocab_files_names: ClassVar = {**RobertaTokenizer.vocab_files_names, "tokenizer_file": "tokenizer.json"}
    _words_need_prefix = True
    _single_file_first = True

    def __init__(
        self,
        vocab_file: str | Path | None = None,
        merges_file: str | Path | None = None,
        tokenizer_file: str | Path | None = None,
        errors: str = "replace",
        *named_tokens: Any,
        **settings: Any,
    ):
        super().__init__(vocab_file, merges_file, errors, *named_tokens, tokenizer_file=tokenizer_file, **settings)


class AutoTokenizer:
    """The documented way to the tokenizer of a checkpoint: RobertaTokenizerFast, or RobertaTokenizer if asked for."""

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: Any, *unused: Any, use_fast: bool = True, **kwargs: Any
    ) -> RobertaTokenizer:
        """As RobertaTokenizer.from_pretrained. use_fast: which of the two classes."""
        kind = RobertaTokenizerFast if use_fast else RobertaTokenizer
        return kind.from_pretrained(pretrained_model_name_or_path, *unused, **kwargs)


def _read(vocab_file: Any, merges_file: Any, tokenizer_file: Any) -> Vocabulary:
    if tokenizer_file is not None:
        return read_tokenizer_json(Path(tokenizer_file))
    if vocab_file is None or merges_file is None:
        raise InputError("no vocabulary; give vocab_file and merges_file, or tokenizer_file, or use from_pretrained")
    return read_vocab_and_merges(Path(vocab_file), Path(merges_file))
