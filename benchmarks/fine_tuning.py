"""Does fine-tuning here end where the Trainer of transformers ends? Accuracy of both over several seeds.

    python benchmarks/fine_tuning.py TRAIN.jsonl[.gz] DEV.jsonl [--model DIR] [--rows 10000] [--seeds 5] [--epochs 2]

Both start from the same encoder (the built-in model, if none is named), read the same rows, chosen by seed 0, and
have the same rate, schedule, decay and about as many texts a step. The head's first weights, the order and the
dropout are drawn by each in its own way: hence the seeds.
"""

import argparse
import gzip
import json
import random
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

LR, DECAY, WARMUP = 3e-4, 0.01, 0.06  # a small model's rate


@dataclass(frozen=True)
class Plan:
    train: list[dict]
    dev: list[dict]
    model: str
    epochs: float
    texts: int  # in a step

    @property
    def labels(self) -> list:
        return sorted({row["label"] for row in self.train})


def main() -> None:
    from roberta.builtin import MINI

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("--model", default=str(MINI))
    for name, value in (("rows", 10_000), ("seeds", 5), ("texts", 64)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--epochs", type=float, default=2)
    options = parser.parse_args()
    rows = read(options.train)
    chosen = random.Random(0).sample(rows, min(options.rows, len(rows)))
    plan = Plan(chosen, read(options.dev), options.model, options.epochs, options.texts)
    found: dict[str, list[float]] = {"ours": [], "Trainer": []}
    for seed in range(options.seeds):
        for name, tune in (("ours", ours), ("Trainer", theirs)):
            found[name].append(tune(plan, seed))
        print(f"seed {seed}: ours {found['ours'][-1]:.4f}, Trainer {found['Trainer'][-1]:.4f}", flush=True)
    means = {name: statistics.mean(scores) for name, scores in found.items()}
    print(f"mean of {options.seeds}: ours {means['ours']:.4f}, Trainer {means['Trainer']:.4f}")


def read(path: Path) -> list[dict]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ours(plan: Plan, seed: int) -> float:
    from roberta.training.loop import Trainer
    from roberta.training.open_fine_tuning import Request, open_fine_tuning
    from roberta.training.settings import Settings

    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder) / f"{name}.jsonl" for name in ("train", "dev")}
        for name, path in files.items():
            path.write_text("".join(json.dumps(row) + "\n" for row in getattr(plan, name)), encoding="utf-8")
        request = Request([str(files["train"])], dev=str(files["dev"]), model=plan.model, seed=seed)
        objective, head = open_fine_tuning("classify", request)
        settings = Settings(
            epochs=plan.epochs,
            lr=LR,
            weight_decay=DECAY,
            warmup=WARMUP,
            batch_tokens=round(plan.texts * float(objective.lengths.mean())),
            precision="fp32",
            seed=seed,
        )
        trainer = Trainer(objective, settings, Path(folder) / "run", head=head)
        return trainer.run().scores["accuracy"]


def theirs(plan: Plan, seed: int) -> float:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.set_seed(seed)
    tokenizer = transformers.RobertaTokenizerFast.from_pretrained(plan.model)
    model = transformers.RobertaForSequenceClassification.from_pretrained(plan.model, num_labels=len(plan.labels))

    def examples(rows: list[dict]) -> list[dict]:
        limit = model.config.max_position_embeddings - 2
        ids = tokenizer([row["text"] for row in rows], truncation=True, max_length=limit)["input_ids"]
        return [{"input_ids": text, "labels": plan.labels.index(row["label"])} for text, row in zip(ids, rows)]

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            num_train_epochs=plan.epochs,
            learning_rate=LR,
            weight_decay=DECAY,
            warmup_ratio=WARMUP,
            per_device_train_batch_size=plan.texts,
            group_by_length=True,
            use_cpu=True,
            seed=seed,
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
        )
        collate = transformers.DataCollatorWithPadding(tokenizer)
        trainer = transformers.Trainer(model, arguments, collate, examples(plan.train))
        trainer.train()
        found = trainer.predict(examples(plan.dev))  # group_by_length puts these too in another order
        return float((found.predictions.argmax(1) == found.label_ids).mean())


if __name__ == "__main__":
    main()
