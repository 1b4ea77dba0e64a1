"""A folder laid out as the hub's cache, with the names and shapes of roberta-base as it was published."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np

from roberta.weights.arrays import DTYPES
from roberta.weights.pickling import pickle_object
from roberta.weights.torch_file import LEGACY_MAGIC
from roberta.weights.unpickle import Storage, Tensor
from tests.weights.weight_files import program, text

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WIDTH, WIDE, LAYERS, WORDS, POSITIONS = 768, 3072, 12, 50265, 514

CONFIG = {
    "architectures": ["RobertaForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": WIDTH,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "initializer_range": 0.02,
    "intermediate_size": WIDE,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": POSITIONS,
    "model_type": "roberta",
    "num_attention_heads": 12,
    "num_hidden_layers": LAYERS,
    "pad_token_id": 1,
    "type_vocab_size": 1,
    "vocab_size": WORDS,
}


def parameters(layers: int = LAYERS) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the masked LM's parameters, each once; no pooler."""

    def norm(name):
        return {f"{name}.weight": (WIDTH,), f"{name}.bias": (WIDTH,)}

    def linear(name, out, into):
        return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}

    shapes = {
        "roberta.embeddings.word_embeddings.weight": (WORDS, WIDTH),
        "roberta.embeddings.position_embeddings.weight": (POSITIONS, WIDTH),
        "roberta.embeddings.token_type_embeddings.weight": (1, WIDTH),
        **norm("roberta.embeddings.LayerNorm"),
    }
    for layer in range(layers):
        here = f"roberta.encoder.layer.{layer}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{here}.attention.self.{part}", WIDTH, WIDTH)
        shapes |= linear(f"{here}.attention.output.dense", WIDTH, WIDTH) | norm(f"{here}.attention.output.LayerNorm")
        shapes |= linear(f"{here}.intermediate.dense", WIDE, WIDTH) | linear(f"{here}.output.dense", WIDTH, WIDE)
        shapes |= norm(f"{here}.output.LayerNorm")
    return shapes | {"lm_head.bias": (WORDS,)} | linear("lm_head.dense", WIDTH, WIDTH) | norm("lm_head.layer_norm")


def snapshot(cache: Path, name: str, files: dict[str, bytes], commit: str = COMMIT, branch: str = "main") -> Path:
    """Put files into the cache as if they had been downloaded: blobs, links to them, and the branch's commit."""
    repository = cache / ("models--" + name.replace("/", "--"))
    folder = repository / "snapshots" / commit
    for place in (folder, repository / "blobs", repository / "refs"):
        place.mkdir(parents=True, exist_ok=True)
    (repository / "refs" / branch).write_text(commit)
    for number, (file, content) in enumerate(files.items()):
        blob = repository / "blobs" / f"{commit[:8]}{number:032x}"
        blob.write_bytes(content)
        (folder / file).symlink_to(Path("../../blobs") / blob.name)
    return folder


def roberta_base(cache: Path, name: str = "roberta-base", layers: int = LAYERS) -> Path:
    """roberta-base in the cache: only a .bin from before PyTorch 1.6, as it was published first; all numbers are zero.

    The file is sparse: at its full size, 500 MB, it takes next to no disk. Returns the snapshot's folder.
    """
    config = json.dumps(CONFIG | {"num_hidden_layers": layers}).encode()
    folder = snapshot(cache, name, {"config.json": config, "pytorch_model.bin": b""})
    tensors, storages = {}, []

    def place(title, shape, dtype="float32"):
        storage = Storage(str(94037139816480 + 64 * len(storages)), DTYPES[dtype], int(np.prod(shape)))
        storages.append(storage)
        stride = tuple(int(np.prod(shape[axis + 1 :])) for axis in range(len(shape)))
        tensors[title] = Tensor(storage, 0, shape, stride)

    place("roberta.embeddings.position_ids", (1, POSITIONS), "int64")
    for title, shape in parameters(layers).items():
        place(title, shape)
    tied = tensors["roberta.embeddings.word_embeddings.weight"]
    tensors["lm_head.decoder.weight"] = tied
    tensors["lm_head.decoder.bias"] = tensors["lm_head.bias"]
    keys = program(b"](" + b"".join(text(storage.key) for storage in storages) + b"e")
    rest = pickle_object(OrderedDict(tensors)) + keys
    start = b"\x80\x02" + LEGACY_MAGIC + program(b"M\xe9\x03")
    machine = program(b"}" + text("little_endian") + b"\x88s")
    # Aligned by luck, so that the zeros are mapped; copying 500 MB of them is tested on smaller files.
    machine = program(machine[2:-1] + text("x" * (-len(start + machine + rest + text("") + b"Ns") % 8)) + b"Ns")
    with (folder / "pytorch_model.bin").resolve().open("wb") as file:
        file.write(start + machine + rest)
        for storage in storages:
            file.write(storage.count.to_bytes(8, "little"))
            file.truncate(file.seek(storage.count * storage.dtype.itemsize, 1))
    return folder
