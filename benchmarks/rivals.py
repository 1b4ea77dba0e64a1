"""The other ways to do the same work, each as a process of its own: what somebody would write with that library.

    python -m benchmarks.rivals NAME MODEL INPUT OUTPUT THREADS MADE

MADE: the folder with what `benchmarks.prepare` made of the model for rivals, such as its ONNX file. The answers go to
OUTPUT as JSON lines, so that they can be compared; a line on stdout says after how many seconds the first text was
taken up. Texts are sorted by length and batched by padded tokens wherever the library leaves that to its user.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STARTED = time.perf_counter()
BATCH_TOKENS = 1024
SENTENCES = 16  # in a batch, where a library counts texts
SPLIT = r"'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"  # of GPT-2

Answers = list[dict]
RIVALS: dict[str, Callable[[str, list[str], int, Path], Answers]] = {}


def rival(run: Callable) -> Callable:
    RIVALS[run.__name__] = run
    return run


def ready() -> None:
    """The model is there; what comes now is the work."""
    print(json.dumps({"ready": round(time.perf_counter() - STARTED, 3)}), flush=True)


def batches(tokenizer, texts: Sequence[str]) -> Iterator[tuple[list[int], dict]]:
    """Places of the texts and their padded arrays, shortest texts first."""
    ids = tokenizer(list(texts), truncation=True)["input_ids"]
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    batch: list[int] = []
    for place in order:
        if batch and (len(batch) + 1) * len(ids[place]) > BATCH_TOKENS:
            yield batch, padded(tokenizer, [ids[place] for place in batch])
            batch = []
        batch.append(place)
    yield batch, padded(tokenizer, [ids[place] for place in batch])


def padded(tokenizer, ids: list[list[int]]) -> dict:
    return dict(tokenizer.pad({"input_ids": ids}, return_tensors="np"))


def fast_tokenizer(model: str):
    import transformers

    return transformers.RobertaTokenizerFast.from_pretrained(model, model_max_length=512)


def labels_of(model: str) -> list[str]:
    config = json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))
    names = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
    return [names[str(number)] for number in range(len(names))]


def classified(model: str, texts: list[str], run: Callable[[dict], np.ndarray]) -> Answers:
    """Labels and scores from logits."""
    import numpy as np

    labels, tokenizer = labels_of(model), fast_tokenizer(model)
    found: Answers = [{}] * len(texts)
    ready()
    for places, arrays in batches(tokenizer, texts):
        logits = run(arrays)
        scores = np.exp(logits - logits.max(1, keepdims=True))
        scores /= scores.sum(1, keepdims=True)
        for place, row in zip(places, scores):
            best = int(row.argmax())
            found[place] = {"label": labels[best], "score": float(row[best])}
    return found


def embedded(model: str, texts: list[str], run: Callable[[dict], np.ndarray]) -> Answers:
    """The mean of the last hidden states."""
    tokenizer = fast_tokenizer(model)
    found: Answers = [{}] * len(texts)
    ready()
    for places, arrays in batches(tokenizer, texts):
        mask = arrays["attention_mask"][:, :, None]
        means = (run(arrays) * mask).sum(1) / mask.sum(1)
        for place, row in zip(places, means):
            found[place] = {"embedding": row.tolist()}
    return found


# transformers and sentence-transformers


@rival
def classify_pipeline(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    pipe = pipeline("text-classification", model, threads)
    return [dict(found) for found in pipe(texts, truncation=True)]


@rival
def classify_pipeline_sorted(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    pipe = pipeline("text-classification", model, threads)
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    answers = pipe([texts[place] for place in order], truncation=True, batch_size=SENTENCES)
    found: Answers = [{}] * len(texts)
    for place, answer in zip(order, answers):
        found[place] = dict(answer)
    return found


@rival
def fill_mask_pipeline(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    """One by one: sorted batches of it are slower."""
    pipe = pipeline("fill-mask", model, threads)
    return [{"text": found[0]["token_str"], "score": found[0]["score"]} for found in map(pipe, texts)]


@rival
def embed_sentence_transformers(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    encoder = SentenceTransformer(model, device="cpu")
    encoder.max_seq_length = 512
    ready()
    return [{"embedding": row.tolist()} for row in encoder.encode(texts, batch_size=32, show_progress_bar=False)]


def pipeline(task: str, model: str, threads: int):
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    pipe = transformers.pipeline(task, model=model, tokenizer=fast_tokenizer(model), device="cpu")
    ready()
    return pipe


# Runtimes


def onnx_session(path: Path, threads: int) -> Callable[[dict], np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = {given.name for given in session.get_inputs()}
    return lambda arrays: session.run(None, {name: arrays[name].astype("int64") for name in names})[0]


def openvino_model(path: Path, threads: int, precision: str) -> Callable[[dict], np.ndarray]:
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(path, "CPU", settings)
    return lambda arrays: compiled({name: arrays[name].astype("int64") for name in ("input_ids", "attention_mask")})[0]


def ctranslate2_encoder(made: Path, threads: int, kind: str) -> Callable[[dict], np.ndarray]:
    import ctranslate2
    import numpy as np

    encoder = ctranslate2.Encoder(str(made / "ctranslate2"), "cpu", intra_threads=threads, compute_type=kind)

    def run(arrays: dict) -> np.ndarray:
        ids = [row[mask == 1].tolist() for row, mask in zip(arrays["input_ids"], arrays["attention_mask"])]
        return np.asarray(encoder.forward_batch(ids).last_hidden_state)

    return run


def with_head(model: str, run: Callable[[dict], np.ndarray]) -> Callable[[dict], np.ndarray]:
    """The classification head, which CTranslate2 leaves to its user."""
    import numpy as np
    from safetensors.numpy import load_file

    head = {name: array for name, array in load_file(Path(model) / "model.safetensors").items() if "classifier" in name}

    def logits(arrays: dict) -> np.ndarray:
        first = np.tanh(run(arrays)[:, 0] @ head["classifier.dense.weight"].T + head["classifier.dense.bias"])
        return first @ head["classifier.out_proj.weight"].T + head["classifier.out_proj.bias"]

    return logits


@rival
def classify_onnxruntime(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, onnx_session(made / "fused.onnx", threads))


@rival
def classify_onnxruntime_int8(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, onnx_session(made / "int8.onnx", threads))


@rival
def classify_openvino(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, openvino_model(made / "model.onnx", threads, "f32"))


@rival
def classify_openvino_bf16(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, openvino_model(made / "model.onnx", threads, "bf16"))


@rival
def classify_openvino_int8(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, openvino_model(made / "openvino-int8.xml", threads, "f32"))


@rival
def classify_ctranslate2(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, with_head(model, ctranslate2_encoder(made, threads, "float32")))


@rival
def classify_ctranslate2_int8(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return classified(model, texts, with_head(model, ctranslate2_encoder(made, threads, "int8")))


@rival
def embed_onnxruntime(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return embedded(model, texts, onnx_session(made / "fused.onnx", threads))


@rival
def embed_openvino(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return embedded(model, texts, openvino_model(made / "model.onnx", threads, "f32"))


@rival
def embed_ctranslate2(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    return embedded(model, texts, ctranslate2_encoder(made, threads, "float32"))


# Tokens


@rival
def tokenize_tokenizers(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    """Rust, in as many threads as RAYON_NUM_THREADS says; a thousand texts at a time, as a stream would."""
    tokenizer = fast_tokenizer(model).backend_tokenizer
    tokenizer.no_truncation()
    ready()
    found: Answers = []
    for start in range(0, len(texts), 1000):
        found += [{"ids": one.ids} for one in tokenizer.encode_batch_fast(texts[start : start + 1000])]
    return found


@rival
def tokenize_tiktoken(model: str, texts: list[str], threads: int, made: Path) -> Answers:
    import tiktoken

    from roberta.tokenizer.byte_alphabet import CHARACTERS, unspell

    vocabulary = json.loads((Path(model) / "vocab.json").read_text(encoding="utf-8"))
    merges = (Path(model) / "merges.txt").read_text(encoding="utf-8").splitlines()
    made_of = [line.replace(" ", "") for line in merges if line and not line.startswith("#version")]
    words = [*CHARACTERS, *dict.fromkeys(made_of)]
    ranks = {unspell(word): rank for rank, word in enumerate(words)}
    encoding = tiktoken.Encoding("roberta", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})
    ids = [vocabulary[word] for word in words]
    ready()
    found = encoding.encode_ordinary_batch(texts, num_threads=threads)
    return [{"ids": [0, *(ids[rank] for rank in one), 2]} for one in found]


def main() -> None:
    name, model, source, target, threads, made = sys.argv[1:]
    with Path(source).open(encoding="utf-8", newline="\n") as file:
        texts = [line.removesuffix("\n") for line in file]
    answers = RIVALS[name](model, texts, int(threads), Path(made))
    with Path(target).open("w", encoding="utf-8") as file:
        for number, answer in enumerate(answers, 1):
            file.write(json.dumps({"id": number, **answer}) + "\n")


if __name__ == "__main__":
    main()
