"""Put the built-in model together: weights in half precision, its words, the adapters that are good enough, its card.

python scripts/bundle_mini.py WORK FOLDER
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np

from roberta.files import read_json
from roberta.training.run_log import read_log
from roberta.weights import safetensors_file

WORDS = ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
BESIDE = ("config.json", "modules.json", "sentence_bert_config.json", "1_Pooling/config.json")  # an adapter's weights
LEAST = {  # command: the score that makes its adapter useful
    "classify": ("accuracy", 0.80),
    "ner": ("f1", 0.50),
    "choose": ("accuracy", 0.30),
    "embed": ("spearman", 0.62),
    "qa": ("f1", 30.0),
}


def halved(source: Path, target: Path) -> None:
    """A safetensors file with its numbers as float16."""
    tensors = {name: array.astype(np.float16) for name, array in safetensors_file.read(source).items()}
    safetensors_file.write(target, tensors)


def best_scores(folder: Path) -> dict[str, float]:
    """Those of the checkpoint that was chosen."""
    lines = [line["dev"] for line in read_log(folder / "log.jsonl") if "dev" in line]
    metric = LEAST[folder.name][0]
    return max(lines, key=lambda scores: scores.get(metric) or 0, default={})


def bundle(work: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    config = read_json(work / "last" / "config.json") | {"dtype": "float16"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    for name in WORDS:
        if (work / "last" / name).exists():
            shutil.copyfile(work / "last" / name, folder / name)
    halved(work / "last" / "model.safetensors", folder / "model.safetensors")
    for command, (metric, least) in LEAST.items():
        source, target = work / command, folder / "adapters" / command
        if not (source / "adapter_model.safetensors").exists():
            continue
        score = best_scores(source).get(metric) or 0
        if score < least:
            print(f"{command}: {metric} {score:.3f} is below {least}; left out")
            continue
        target.mkdir(parents=True, exist_ok=True)
        halved(source / "adapter_model.safetensors", target / "adapter_model.safetensors")
        settings = read_json(source / "adapter_config.json") | {"base_model_name_or_path": "the built-in model"}
        (target / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        for name in BESIDE:
            if (source / name).exists():
                (target / name).parent.mkdir(exist_ok=True)
                shutil.copyfile(source / name, target / name)
        print(f"{command}: {metric} {score:.3f}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    bundle(Path(sys.argv[1]), Path(sys.argv[2]))
