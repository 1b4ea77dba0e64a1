"""A checkpoint with the sizes of a published model and seeded random weights, for measuring speed and memory.

    python benchmarks/random_checkpoint.py FOLDER [--class RobertaForSequenceClassification] [--size base|large]
        [--vocabulary FOLDER] [--text FILE ...] [--seed 0]

--vocabulary: a folder with vocab.json and merges.txt, such as that of a published model, so that texts have as many
tokens as there; without it one is learnt from the files of --text, by default this repository's own Markdown, and
texts have more. The tables have 50,265 rows either way. Its answers mean nothing.
"""

import argparse
from pathlib import Path

import torch

from roberta import RobertaConfig, RobertaTokenizer
from roberta.generation.causal import RobertaForCausalLM
from roberta.model import models
from roberta.tokenizer.trainer import learn

ROOT = Path(__file__).resolve().parents[1]
WORDS = 50_265
SIZES = {
    "base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--class", dest="kind", default="RobertaForSequenceClassification")
    parser.add_argument("--size", choices=SIZES, default="base")
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--text", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    make(options.folder, options.kind, options.size, vocabulary(options.vocabulary, options.text), options.seed)


def make(folder: Path, kind: str, size: str, tokenizer: RobertaTokenizer, seed: int = 0) -> None:
    """Write a checkpoint of the class `kind`, such as "RobertaForMaskedLM"."""
    config = RobertaConfig(
        **SIZES[size], vocab_size=WORDS, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5
    )
    torch.manual_seed(seed)
    known = {"RobertaForCausalLM": RobertaForCausalLM}
    model = known.get(kind) or getattr(models, kind)
    model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def vocabulary(folder: Path | None, texts: list[Path] | None) -> RobertaTokenizer:
    if folder is not None:
        return RobertaTokenizer.from_pretrained(folder)
    files = texts or sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("docs/**/*.md"))
    return learn((line for file in files for line in file.read_text("utf-8").splitlines()), vocab_size=WORDS)


if __name__ == "__main__":
    main()
