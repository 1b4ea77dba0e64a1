"""What rivals run in place of a checkpoint: its ONNX, OpenVINO and CTranslate2 forms, made once and kept.

    python -m benchmarks.prepare MODEL MADE TEXTS

TEXTS: sentences, of which the first calibrate what wants calibration. What cannot be made here, for want of a
package, is said and left out, and its rivals with it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.rivals import batches, fast_tokenizer

CALIBRATION = 200  # texts
OPSET = 17


def onnx(model: str, made: Path, texts: list[str]) -> None:
    """model.onnx: the model of transformers with the plain attention, whose pattern the optimizer knows."""
    import torch
    import transformers

    classes = {
        "RobertaForSequenceClassification": transformers.RobertaForSequenceClassification,
        "RobertaModel": transformers.RobertaModel,
    }
    [name] = transformers.AutoConfig.from_pretrained(model).architectures
    network = classes[name].from_pretrained(model, attn_implementation="eager").eval()

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, input_ids, attention_mask):
            return self.network(input_ids, attention_mask, return_dict=False)[0]

    ids = torch.tensor([[0, 100, 200, 2], [0, 300, 2, 1]])
    torch.onnx.export(
        Plain(),
        (ids, (ids != 1).long()),
        str(made / "model.onnx"),
        input_names=["input_ids", "attention_mask"],
        output_names=["output"],
        dynamic_axes={name: {0: "batch", 1: "length"} for name in ("input_ids", "attention_mask", "output")},
        opset_version=OPSET,
        dynamo=False,
    )


def fused(model: str, made: Path, texts: list[str]) -> None:
    """fused.onnx: attention, GELU and LayerNorm as one operator each."""
    import transformers
    from onnxruntime.transformers import optimizer

    config = transformers.AutoConfig.from_pretrained(model)
    optimizer.optimize_model(
        str(made / "model.onnx"),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
    ).save_model_to_file(str(made / "fused.onnx"))


def int8(model: str, made: Path, texts: list[str]) -> None:
    """int8.onnx: weights per channel, activations by the batch."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(made / "model.onnx", made / "int8.onnx", per_channel=True, weight_type=QuantType.QInt8)


def openvino_int8(model: str, made: Path, texts: list[str]) -> None:
    """openvino-int8.xml: weights and activations, calibrated."""
    import nncf
    import openvino

    tokenizer = fast_tokenizer(model)
    samples = [
        {name: arrays[name].astype("int64") for name in ("input_ids", "attention_mask")}
        for _, arrays in batches(tokenizer, texts[:CALIBRATION])
    ]
    quantized = nncf.quantize(
        openvino.convert_model(made / "model.onnx"), nncf.Dataset(samples), model_type=nncf.ModelType.TRANSFORMER
    )
    openvino.save_model(quantized, made / "openvino-int8.xml", compress_to_fp16=False)


def ctranslate2(model: str, made: Path, texts: list[str]) -> None:
    """ctranslate2/: the encoder. It wants as many words as the table has rows, so that more may have to be made up."""
    import transformers
    from ctranslate2.converters import TransformersConverter

    tokenizer = fast_tokenizer(model)
    rows = transformers.AutoConfig.from_pretrained(model).vocab_size
    with tempfile.TemporaryDirectory() as folder:
        for name in ("config.json", "model.safetensors"):
            (Path(folder) / name).symlink_to((Path(model) / name).resolve())
        tokenizer.add_tokens([f"<row {row}>" for row in range(len(tokenizer), rows)])
        tokenizer.save_pretrained(folder)
        TransformersConverter(folder, load_as_float16=False).convert(str(made / "ctranslate2"), force=True)


STEPS: dict[str, Callable[[str, Path, list[str]], None]] = {  # what is made, in this order
    "model.onnx": onnx,
    "fused.onnx": fused,
    "int8.onnx": int8,
    "openvino-int8.xml": openvino_int8,
    "ctranslate2": ctranslate2,
}


def prepare(model: str, made: Path, texts: list[str]) -> None:
    made.mkdir(parents=True, exist_ok=True)
    for name, make in STEPS.items():
        if (made / name).exists():
            continue
        try:
            make(model, made, texts)
        except ImportError as error:
            print(f"{name}: not made, {error}", file=sys.stderr)


if __name__ == "__main__":
    prepare(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).read_text(encoding="utf-8").splitlines())
