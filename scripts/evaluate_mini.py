"""Figures of a masked language model for its model card: capitals, and masked words and pseudo-perplexity of a text.

python scripts/evaluate_mini.py MODEL TASKS
"""

import json
import math
import sys
from pathlib import Path

import numpy as np

import roberta
from roberta import RobertaTokenizer

LINES = 400  # of the text, those with at least so many characters:
SHORTEST = 60
SHARE = 0.15  # of the tokens are masked, one in each window of running text at a time


def capitals(model: str, path: Path) -> dict[str, float | bool]:
    """How often the likeliest word is the capital."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = list(roberta.run("fill-mask", rows, model=model, top=1))
    right = {
        row["country"]: result["masks"][0]["fills"][0]["text"].strip() == row["answer"]
        for row, result in zip(rows, found)
    }
    return {"questions": len(rows), "top_1": sum(right.values()) / len(rows), "France": right["France"]}


def masked_words(model: str, path: Path) -> dict[str, float]:
    """Accuracy and perplexity of 15 % of the tokens, masked together, in lines of running text."""
    import torch

    from roberta import RobertaForMaskedLM

    tokenizer = RobertaTokenizer.from_pretrained(model)
    network = RobertaForMaskedLM.from_pretrained(model)
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if len(line) >= SHORTEST and not line.startswith("=")][:LINES]
    draw = np.random.default_rng(0)
    right = count = 0
    loss = 0.0
    room = network.config.usable_length - 2
    for line in lines:
        ids = np.array(tokenizer.frame(tokenizer.encode_ids(line)[:room]))
        places = 1 + draw.permutation(len(ids) - 2)[: max(1, round(SHARE * (len(ids) - 2)))]
        seen = ids.copy()
        seen[places] = tokenizer.mask_token_id
        with torch.inference_mode():
            logits = network(torch.from_numpy(seen)[None]).logits[0, places].log_softmax(-1)
        wanted = torch.from_numpy(ids[places])
        loss -= float(logits.gather(1, wanted[:, None]).sum())
        right += int((logits.argmax(1) == wanted).sum())
        count += len(places)
    return {"lines": len(lines), "tokens": count, "accuracy": right / count, "perplexity": math.exp(loss / count)}


def pseudo_perplexity(model: str, path: Path, lines: int = 100) -> dict[str, float]:
    """Each token masked by itself, over the first lines of running text."""
    texts = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [line for line in texts if len(line) >= SHORTEST and not line.startswith("=")][:lines]
    found = list(roberta.run("fill-mask", texts, model=model, score=True))
    count = sum(result["count"] for result in found)
    return {"lines": len(texts), "perplexity": math.exp(-sum(result["logprob"] for result in found) / count)}


if __name__ == "__main__":
    model, tasks = sys.argv[1], Path(sys.argv[2])
    print(json.dumps({"capitals": capitals(model, tasks / "capitals.jsonl")}))
    print(json.dumps({"wikitext-2 valid, masked": masked_words(model, tasks / "wikitext2-valid.txt")}))
    if "--quick" not in sys.argv:
        print(json.dumps({"wikitext-2 valid, pseudo": pseudo_perplexity(model, tasks / "wikitext2-valid.txt")}))
