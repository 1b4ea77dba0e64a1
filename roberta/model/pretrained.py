"""What every model class can do: start from random or stored weights, be saved, grow, shrink."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import InputError
from roberta.hub import Origin
from roberta.model.loading import load_weights, to_array, torch_dtype
from roberta.weights.adapter import read_config
from roberta.weights.folder import SHARD_SIZE, Weights, read_weights, save_weights
from roberta.weights.formats import FLAX, FORMATS, TENSORFLOW, Format

# The attention that is computed is the same, and weights are mapped whatever is asked.
_WITHOUT_EFFECT = ("attn_implementation", "low_cpu_mem_usage", "use_safetensors")


class PretrainedModel(nn.Module):
    """The base of RobertaModel and of the classes with a head."""

    head: str | None = None  # a row of HEADS; None: the body alone
    config_class = RobertaConfig
    base_model_prefix = "roberta"

    def __init__(self, config: RobertaConfig):
        super().__init__()
        config.check()
        self.config = config

    def post_init(self) -> None:
        """Draw the weights that this class adds; those of a model inside it are drawn already."""
        for part in self.children():
            if not isinstance(part, PretrainedModel):
                part.apply(self.init_weights)
        self.tie_weights()

    @torch.no_grad()
    def init_weights(self, module: nn.Module) -> None:
        """normal(0, initializer_range), biases 0, LayerNorm 1 and 0, pad rows 0."""
        if isinstance(module, nn.Linear | nn.Embedding) and not module.weight.is_meta:
            module.weight.normal_(0.0, self.config.initializer_range)
        if isinstance(module, nn.Linear):
            module.bias.zero_()
        elif isinstance(module, nn.Embedding) and module.padding_idx is not None:
            module.weight[module.padding_idx].zero_()
        elif isinstance(module, nn.LayerNorm):
            module.reset_parameters()

    def tie_weights(self) -> None:
        """Make the decoder of a language model head the word table itself, unless the config says otherwise."""
        head = getattr(self, "lm_head", None)
        if head is not None:
            head.bias = head.decoder.bias
            if self.config.tie_word_embeddings:
                head.decoder.weight = self.get_input_embeddings().weight

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path | Origin,
        *,
        config: RobertaConfig | str | Path | None = None,
        state_dict: dict[str, Tensor] | None = None,
        from_tf: bool = False,
        from_flax: bool = False,
        strict: bool = False,
        dtype: torch.dtype | str | None = None,
        device: torch.device | str | None = None,
        **others: Any,
    ):
        """Read a checkpoint from a folder or a hub id, ready for inference (`eval` mode).

        config: used in place of the folder's own. state_dict: used in place of the folder's weights.
        from_tf, from_flax: take TensorFlow's or Flax's weights where there are PyTorch ones too, which come first.
        strict: a missing head or pooler is an error; otherwise it is drawn at random and named in one warning.
        dtype: the type of the weights, float32 unless given; "auto" keeps the stored one. `torch_dtype` means the same.
        device: where the weights go; `device_map` means the same, and "auto" a GPU where there is one. Float32
            weights on the CPU stay in the mapped file until something changes them.
        Others: where to look (revision, token, cache_dir, local_files_only, subfolder), an adapter to merge
            (adapter="my-adapter"), values that override the config's (num_labels=3), and arguments of the class
            (add_pooling_layer=False). Documented ones that choose between equal ways to compute or to load are taken
            and have no effect.

        >>> RobertaForSequenceClassification.from_pretrained("checkpoints/mini", num_labels=3).config.num_labels
        3

        Raises CheckpointError: no such checkpoint, a file that is damaged or hostile, weights of the encoder missing,
        shapes that do not fit; NetworkError: a hub id, and no network.
        """
        origin, others = Origin.split(name, others)
        dtype = others.pop("torch_dtype", None) if dtype is None else dtype
        device = _device(others.pop("device_map", None)) if device is None else device
        others = {key: value for key, value in others.items() if key not in _WITHOUT_EFFECT}
        own = {key: others.pop(key) for key in inspect.signature(cls).parameters if key in others}
        config, unknown = _read_config(config, origin, others)
        if unknown:
            raise InputError(
                f"from_pretrained: unknown argument {', '.join(sorted(unknown))}; it is neither a setting of the"
                f" config nor an argument of {cls.__name__}"
            )
        with torch.device("meta"):  # names and shapes only: the stored weights take their places without a copy
            model = cls(config, **own)
        kinds = _kinds(from_tf, from_flax)
        stored = read_weights(origin, kinds) if state_dict is None else _copied(state_dict)
        load_weights(model, stored, dtype=torch_dtype(dtype, config, stored), device=device, strict=strict)
        model.read_beside(origin)
        return model.eval()

    def read_beside(self, origin: Origin) -> None:
        """Take what else a class finds beside its weights; nothing, for most."""

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        state_dict: dict[str, Tensor] | None = None,
        safe_serialization: bool = True,
        max_shard_size: int | str = SHARD_SIZE,
    ) -> None:
        """Write config.json and the weights, which any RoBERTa program reads: model.safetensors, or with
        safe_serialization=False pytorch_model.bin, in several files above max_shard_size."""
        tensors = self.state_dict() if state_dict is None else state_dict
        if "lm_head.decoder.bias" in tensors:  # the same parameter as lm_head.bias
            left_out = {"lm_head.decoder.bias"} | (
                {"lm_head.decoder.weight"} if self.config.tie_word_embeddings else set()
            )
            tensors = {key: tensor for key, tensor in tensors.items() if key not in left_out}
        config = RobertaConfig.from_dict(self.config.to_dict())
        config.update({"architectures": [type(self).__name__], "dtype": self.dtype})
        config.save_pretrained(folder)
        save_weights(
            Path(folder),
            {key: to_array(tensor) for key, tensor in tensors.items()},
            safe_serialization=safe_serialization,
            max_shard_size=max_shard_size,
        )

    @property
    def body(self) -> PretrainedModel:
        """The RobertaModel inside, or this model itself."""
        return getattr(self, self.base_model_prefix, self)

    base_model = body  # the documented name

    @property
    def device(self) -> torch.device:
        return self.get_input_embeddings().weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.get_input_embeddings().weight.dtype

    def num_parameters(self, only_trainable: bool = False) -> int:
        """How many numbers the model holds; tied ones count once."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad or not only_trainable)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.body.embeddings.word_embeddings

    def set_input_embeddings(self, table: nn.Embedding) -> None:
        self.body.embeddings.word_embeddings = table
        self.tie_weights()

    def set_output_embeddings(self, decoder: nn.Linear) -> None:
        self.lm_head.decoder = decoder
        self.lm_head.bias = decoder.bias

    def get_output_embeddings(self) -> nn.Linear | None:
        head = getattr(self, "lm_head", None)
        return None if head is None else head.decoder

    def prune_heads(self, heads_to_prune: dict[int, list[int]]) -> None:
        """Remove attention heads for good: {layer: heads}, numbered as in the unpruned model. Cross-attention stays."""
        layers, gone = self.body.encoder.layer, self.config.pruned_heads
        wanted = {int(layer): set(heads).union(gone.get(int(layer), ())) for layer, heads in heads_to_prune.items()}
        for layer, heads in wanted.items():
            if layer not in range(len(layers)) or not heads <= set(range(self.config.num_attention_heads)):
                raise InputError(f"no heads {sorted(heads)} in layer {layer} of this model; both count from 0")
            if len(heads) == self.config.num_attention_heads:
                raise InputError(f"layer {layer} would lose its last head; leave at least one")
        for layer, heads in wanted.items():
            layers[layer].prune_heads(heads.difference(gone.get(layer, ())))
            gone[layer] = sorted(heads)

    @torch.no_grad()
    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> nn.Embedding:
        """Change the number of words to new_num_tokens (None: keep it), rounded up to a multiple; returns the table.

        The first rows stay as they are. New ones are drawn close around the mean of the old (mean_resizing), so that
        no new word starts far more likely than the others, or as in a fresh model.
        """
        old = self.get_input_embeddings()
        size = old.num_embeddings if new_num_tokens is None else new_num_tokens
        if pad_to_multiple_of:
            size = -(-size // pad_to_multiple_of) * pad_to_multiple_of
        if size <= self.config.pad_token_id:
            raise InputError(f"a vocabulary of {size} words does not hold the padding id {self.config.pad_token_id}")
        if size == old.num_embeddings:
            return old

        def resized(weight: Tensor) -> nn.Parameter:
            return nn.Parameter(self._resized(weight, size, mean_resizing))

        untied = getattr(self, "lm_head", None) is not None and not self.config.tie_word_embeddings
        old.weight = resized(old.weight)
        old.num_embeddings = self.config.vocab_size = size
        if (decoder := self.get_output_embeddings()) is not None:
            decoder.bias = resized(decoder.bias)
            decoder.out_features = size
            if untied:
                decoder.weight = resized(decoder.weight)
        self.tie_weights()
        return old

    def _resized(self, rows: Tensor, size: int, around_mean: bool) -> Tensor:
        kept, more = rows[:size], size - len(rows)
        if more <= 0:
            return kept.clone()
        wide = rows.float()
        if around_mean:
            centre = wide.mean(0)
            # Mixing the centred rows at random gives their covariance without computing it; 1e-9 of it is drawn.
            mixing = torch.randn(more, len(rows), device=rows.device) * (1e-9 / len(rows)) ** 0.5
            new = centre + mixing @ (wide - centre)
        elif rows.dim() == 1:
            new = torch.zeros(more, device=rows.device)
        else:
            new = torch.randn(more, rows.shape[1], device=rows.device) * self.config.initializer_range
        return torch.cat([kept, new.to(rows.dtype)])

    def gradient_checkpointing_enable(self, gradient_checkpointing_kwargs: dict | None = None) -> None:
        """While training, compute each layer again in the backward pass in place of keeping its activations.

        The documented keyword is taken and has no effect: there is one way to do it here, the non-reentrant one.
        """
        self.body.encoder.gradient_checkpointing = True

    def gradient_checkpointing_disable(self) -> None:
        self.body.encoder.gradient_checkpointing = False

    @property
    def is_gradient_checkpointing(self) -> bool:
        return self.body.encoder.gradient_checkpointing

    @property
    def is_recomputing(self) -> bool:
        """Whether layers will run twice, so that a cache filled by them would be filled twice."""
        return self.training and self.is_gradient_checkpointing


def _kinds(from_tf: bool, from_flax: bool) -> tuple[Format, ...]:
    """The formats in which weights are looked for. Raises InputError: both are asked for."""
    if from_tf and from_flax:
        raise InputError("from_tf and from_flax each name the one file to take; give one of them")
    return (TENSORFLOW,) if from_tf else (FLAX,) if from_flax else FORMATS


def _copied(state_dict: dict[str, Tensor]) -> Weights:
    """Copies, since the model's parameters will be made over them and training must not change the caller's."""
    return Weights({name: to_array(tensor.clone()) for name, tensor in state_dict.items()}, "the given state_dict")


def _device(device_map: Any) -> torch.device | str | None:
    """One device for all weights. Raises InputError: a map that spreads them over several."""
    if device_map == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if isinstance(device_map, dict):
        raise InputError("device_map spreads the layers over devices; here a model is on one: give its name")
    return device_map


def _read_config(config, origin: Origin, others: dict[str, Any]) -> tuple[RobertaConfig, dict[str, Any]]:
    if config is None:
        return read_config(origin, return_unused_kwargs=True, **others)
    if not isinstance(config, RobertaConfig):
        return RobertaConfig.from_pretrained(config, return_unused_kwargs=True, **others)
    config = copy.deepcopy(config)  # the model may change its own: pruned heads, more words
    config.update({key: others.pop(key) for key in list(others) if hasattr(config, key)})
    return config, others
