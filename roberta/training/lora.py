"""Low-rank adapters (Hu et al. 2021, https://arxiv.org/abs/2106.09685): a frozen model, and beside each of its linear
layers two small matrices that learn. An adapter is saved by itself, in PEFT's layout."""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from roberta.config import RobertaConfig
from roberta.files import write_json
from roberta.model.loading import to_array
from roberta.model.parameters import HEADS
from roberta.model.pretrained import PretrainedModel
from roberta.weights import safetensors_file
from roberta.weights.adapter import PREFIX, SETTINGS, WEIGHTS

TARGETS = ("query", "key", "value", "dense")  # the linear layers of the encoder
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


class Adapter:
    """What a model learns beside its frozen weights: low-rank matrices in the encoder, and its head as a whole."""

    def __init__(self, model: PretrainedModel, base: str, *, rank: int, alpha: float | None = None):
        self.model, self.base, self.rank = model, base, rank
        self.alpha = 2.0 * rank if alpha is None else alpha
        model.requires_grad_(False)
        for layer in model.body.encoder.layer:
            for name, module in list(layer.named_modules()):
                if isinstance(module, nn.Linear) and name.rpartition(".")[2] in TARGETS:
                    layer.set_submodule(name, LoraLinear(module, rank, self.alpha))
        for name, module in model.named_modules():
            if name.endswith((".lora_A", ".lora_B")):
                module.requires_grad_(True)
        for name in self.whole_modules:
            model.get_submodule(name).requires_grad_(True)

    @property
    def whole_modules(self) -> list[str]:
        """The parts that are new, and so learn as a whole: the head, and the pooler that it reads."""
        head = HEADS.get(self.model.head or "")
        if head is None or head.architecture == "RobertaForMaskedLM":
            return []
        return [head.module, *(["roberta.pooler"] if head.pooler else [])]

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
                "target_modules": list(TARGETS),
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
