"""Training against the Trainer of transformers: the same model, texts, tokens a step, precision and threads.

    python benchmarks/training.py mlm TEXT_FILE [--words 50265] [--length 64] [--batch-tokens 1024]
    python benchmarks/training.py classify FILE.jsonl [--batch-tokens 1024]
    ... [--layers 6] [--hidden 256] [--dtype fp32] [--threads 2] [--steps 30] [--rounds 5]

Interleaved rounds, each run a process of its own; counted are the real tokens of the steps after the first few, and the
time between them. Both learn from random weights with dropout on. mlm: blocks of --length tokens from the text, the
vocabulary of the built-in model in a table of --words rows. classify: texts and labels of JSON lines, the Trainer with
groups of like length.
"""

import argparse
import json
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

WARM = 5  # steps before the clock starts


@dataclass(frozen=True)
class Plan:
    task: str
    data: str
    start: str  # the folder with the model that both start from
    words: int
    length: int
    layers: int
    hidden: int
    batch_tokens: int
    dtype: str
    threads: int
    steps: int

    @property
    def all_steps(self) -> int:
        return WARM + self.steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=("mlm", "classify"))
    parser.add_argument("data", help="text for mlm, JSON lines with text and label for classify")
    for name, value in (("words", 50_265), ("length", 64), ("layers", 6), ("hidden", 256), ("batch-tokens", 1024)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), default="fp32")
    for name, value in (("threads", 2), ("steps", 30), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    options = vars(parser.parse_args())
    rounds = options.pop("rounds")
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(start=folder, **options)
        save_start(plan)
        speeds: dict[str, list[float]] = {"ours": [], "Trainer": []}
        for _ in range(rounds):
            for name, train in (("ours", ours), ("Trainer", theirs)):
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                    speeds[name].append(pool.submit(train, plan).result())
    ratios = [one / other for one, other in zip(speeds["ours"], speeds["Trainer"])]
    print(f"{plan.task}, {plan.dtype}, {plan.threads} threads, {plan.batch_tokens} tokens a step, {rounds} rounds")
    for name, found in speeds.items():
        print(f"{name:8} {statistics.median(found):8,.0f} tokens/s ({min(found):,.0f} to {max(found):,.0f})")
    print(f"ratio    {statistics.median(ratios):8.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


def save_start(plan: Plan) -> None:
    """Random weights and the built-in model's words, as both read them."""
    import torch

    from roberta import RobertaConfig, RobertaForMaskedLM, RobertaTokenizer
    from roberta.builtin import MINI

    torch.manual_seed(0)
    tokenizer = RobertaTokenizer.from_pretrained(MINI)
    sizes = {"hidden_size": plan.hidden, "intermediate_size": 4 * plan.hidden, "num_hidden_layers": plan.layers}
    more = {"num_attention_heads": plan.hidden // 64, "max_position_embeddings": 514, "type_vocab_size": 1}
    words = max(plan.words, len(tokenizer)) if plan.task == "mlm" else len(tokenizer)
    model = RobertaForMaskedLM(RobertaConfig(vocab_size=words, layer_norm_eps=1e-5, **sizes, **more))
    model.save_pretrained(plan.start)
    tokenizer.model_max_length = 512
    tokenizer.save_pretrained(plan.start)


class Clock:
    """Tokens a second of the steps after the first few."""

    def __init__(self):
        self.steps = self.tokens = 0
        self.began = self.ended = 0.0

    def step(self, tokens: int) -> None:
        """One step is done; tokens: how many it has read."""
        self.steps += 1
        self.ended = time.perf_counter()
        if self.steps == WARM:
            self.began = self.ended
        elif self.steps > WARM:
            self.tokens += tokens

    @property
    def speed(self) -> float:
        return self.tokens / (self.ended - self.began)


def ours(plan: Plan) -> float:
    import torch

    from roberta.training.loop import Trainer
    from roberta.training.open_fine_tuning import Request, open_fine_tuning
    from roberta.training.pretrain import Beginning, Texts, open_mlm
    from roberta.training.settings import Settings

    torch.set_num_threads(plan.threads)
    clock, before = Clock(), 0

    def watch(progress) -> None:
        nonlocal before
        clock.step(progress.tokens - before)
        before = progress.tokens

    settings = Settings(
        steps=plan.all_steps, batch_tokens=plan.batch_tokens, precision=plan.dtype, save_every=2 * plan.all_steps
    )
    with tempfile.TemporaryDirectory() as folder:
        if plan.task == "mlm":
            texts = Texts([plan.data], Path(folder), length=plan.length)
            objective = open_mlm(texts, Beginning(plan.start))
        else:
            objective, _ = open_fine_tuning("classify", Request([plan.data], model=plan.start))
        Trainer(objective, settings, Path(folder), watch=watch).run()
    return clock.speed


def theirs(plan: Plan) -> float:
    import torch
    import transformers

    torch.set_num_threads(plan.threads)
    transformers.logging.set_verbosity_error()
    clock = Clock()
    tokenizer = transformers.RobertaTokenizerFast.from_pretrained(plan.start)
    if plan.task == "mlm":
        model = transformers.RobertaForMaskedLM.from_pretrained(plan.start)
        examples = blocks(plan, tokenizer)
        collate = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
        size, more = max(1, plan.batch_tokens // plan.length), {}
    else:
        rows = [json.loads(line) for line in Path(plan.data).read_text(encoding="utf-8").splitlines()]
        labels = sorted({row["label"] for row in rows})
        ids = tokenizer([row["text"] for row in rows], truncation=True)["input_ids"]
        model = transformers.RobertaForSequenceClassification.from_pretrained(plan.start, num_labels=len(labels))
        examples = [{"input_ids": text, "labels": labels.index(row["label"])} for text, row in zip(ids, rows)]
        collate = transformers.DataCollatorWithPadding(tokenizer)
        size, more = max(1, round(plan.batch_tokens / statistics.mean(map(len, ids)))), {"group_by_length": True}
    read: list[int] = []

    def counted(examples: list[dict]) -> dict:
        read.append(sum(len(example["input_ids"]) for example in examples))
        return collate(examples)

    class Watch(transformers.TrainerCallback):
        def on_step_end(self, arguments, state, control, **others):
            clock.step(read[state.global_step - 1])

    with tempfile.TemporaryDirectory() as folder:
        arguments = transformers.TrainingArguments(
            folder,
            max_steps=plan.all_steps,
            per_device_train_batch_size=size,
            use_cpu=True,
            bf16=plan.dtype == "bf16",
            report_to=[],
            disable_tqdm=True,
            save_strategy="no",
            logging_strategy="no",
            **more,
        )
        transformers.Trainer(model, arguments, counted, examples, callbacks=[Watch()]).train()
    return clock.speed


def blocks(plan: Plan, tokenizer) -> list[dict]:
    """Texts one after the other, cut into blocks, as the example script of transformers does."""
    with Path(plan.data).open(encoding="utf-8") as file:
        texts = [line.strip() for line in file if line.strip()]
    room, wanted = plan.length - 2, plan.all_steps * max(1, plan.batch_tokens // plan.length)
    ids: list[int] = []
    for text in texts:
        ids += tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) >= room * wanted:
            break
    starts = range(0, len(ids) - room + 1, room)
    return [{"input_ids": [0, *ids[start : start + room], 2]} for start in starts]


if __name__ == "__main__":
    main()
