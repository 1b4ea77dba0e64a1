"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685): a frozen model, and beside its linear layers
and, if asked, its word embeddings two small matrices that learn. An adapter is saved by itself, in PEFT's layout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.errors import UsageError
from roberta.files import write_json
from roberta.model.loading import to_array
from roberta.model.pretrained import PretrainedModel
from roberta.training.heads import new_parts
from roberta.weights import safetensors_file
from roberta.weights.adapter import PREFIX, SETTINGS, WEIGHTS

LINEARS = ("query", "key", "value", "dense")  # the layers of the encoder
EMBEDDINGS = "word_embeddings"
_TASK_TYPES = {
    "sequence_classification": "SEQ_CLS",
    "token_classification": "TOKEN_CLS",
    "question_answering": "QUESTION_ANS",
    "causal_lm": "CAUSAL_LM",
}


class LoraLinear(nn.Linear):
    """W x + b + (alpha / rank) B A x, with W and b frozen. B starts as zeros, so the model starts as it was.

    lora_A: (rank, in) and lora_B: (out, rank), as the weights of two linear layers without bias, which is how they are
    named in files.
    """

    def __init__(self, base: nn.Linear, rank: int, alpha: float):
        super().__init__(base.in_features, base.out_features, device="meta")
        self.weight, self.bias = base.weight, base.bias
        self.lora_A = nn.Linear(base.in_features, rank, bias=False)
        self.lora_B = nn.Linear(rank, base.out_features, bias=False)
        self.scale = alpha / rank
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight, self.bias) + self.scale * self.lora_B(self.lora_A(x))


class LoraEmbedding(nn.Embedding):
    """The rows of W + (alpha / rank) (B A)^T, with W frozen. A starts as zeros, as in PEFT.

    lora_embedding_A: (rank, words); lora_embedding_B: (hidden, rank).
    """

    def __init__(self, base: nn.Embedding, rank: int, alpha: float):
        super().__init__(base.num_embeddings, base.embedding_dim, base.padding_idx, device="meta")
        self.weight = base.weight
        self.lora_embedding_A = nn.Parameter(torch.zeros(rank, base.num_embeddings))
        self.lora_embedding_B = nn.Parameter(torch.randn(base.embedding_dim, rank))
        self.scale = alpha / rank

    def forward(self, ids: Tensor) -> Tensor:
        low = F.embedding(ids, self.lora_embedding_A.T)
        return F.embedding(ids, self.weight, self.padding_idx) + self.scale * low @ self.lora_embedding_B.T


class Adapter:
    """What a model learns beside its frozen weights: low-rank matrices, and its head as a whole.

    modules: beside which parts the matrices stand: some of query, key, value, dense and word_embeddings.

    Raises UsageError: a name that is none of these.
    """

    def __init__(
        self,
        model: PretrainedModel,
        base: str,
        *,
        rank: int,
        alpha: float | None = None,
        modules: Sequence[str] = LINEARS,
    ):
        self.model, self.base, self.rank, self.modules = model, base, rank, tuple(modules)
        self.alpha = 2.0 * rank if alpha is None else alpha
        unknown = set(modules) - {*LINEARS, EMBEDDINGS}
        if unknown or not modules:
            raise UsageError(f"--lora-modules {','.join(modules)}; choose from {', '.join((*LINEARS, EMBEDDINGS))}")
        for layer in model.body.encoder.layer:
            for name, module in list(layer.named_modules()):
                if isinstance(module, nn.Linear) and name.rpartition(".")[2] in self.modules:
                    layer.set_submodule(name, LoraLinear(module, rank, self.alpha))
        if EMBEDDINGS in self.modules:
            embeddings = model.body.embeddings
            embeddings.word_embeddings = LoraEmbedding(embeddings.word_embeddings, rank, self.alpha)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(".lora_" in name)
        for name in self.whole_modules:
            model.get_submodule(name).requires_grad_(True)

    @property
    def whole_modules(self) -> list[str]:
        """The parts that are new, and so learn as a whole; a language model's head is not."""
        return [] if self.model.head == "masked_lm" else new_parts(self.model)

    def tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.model.named_parameters() if tensor.requires_grad}

    def save(self, folder: Path) -> None:
        """adapter_model.safetensors and adapter_config.json, and config.json for the names of the labels."""
        config = RobertaConfig.from_dict(self.model.config.to_dict())
        config.update({"architectures": [type(self.model).__name__]})
        config.save_pretrained(folder)
        write_json(
            folder / SETTINGS,
            {
                "peft_type": "LORA",
                "task_type": _TASK_TYPES.get(self.model.head or "", "FEATURE_EXTRACTION"),
                "base_model_name_or_path": self.base,
                "r": self.rank,
                "lora_alpha": self.alpha,
                "lora_dropout": 0.0,
                "bias": "none",
                "fan_in_fan_out": False,
                "target_modules": list(self.modules),
                "modules_to_save": [name.rpartition(".")[2] for name in self.whole_modules] or None,
                "inference_mode": True,
            },
        )
        arrays = {PREFIX + name: to_array(tensor) for name, tensor in self.tensors().items()}
        safetensors_file.write(folder / WEIGHTS[0], arrays)

    def load(self, folder: Path) -> None:
        """Take back what `save` wrote."""
        stored = safetensors_file.read(folder / WEIGHTS[0])
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                tensor.copy_(torch.from_numpy(stored[PREFIX + name]))


def freeze(model: PretrainedModel, layers: int) -> None:
    """Keep the embeddings and the first so many layers as they are."""
    model.body.embeddings.requires_grad_(False)
    for layer in model.body.encoder.layer[:layers]:
        layer.requires_grad_(False)
