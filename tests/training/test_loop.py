import json
import math

import numpy as np
import pytest
import torch

from roberta.errors import CheckFailed, ResourceError, UsageError
from roberta.model.models import RobertaForMaskedLM
from roberta.training import checkpoint
from roberta.training.loop import Trainer
from roberta.training.pretrain import Beginning, Texts, open_mlm
from roberta.training.run import train
from roberta.training.run_log import read_log
from roberta.training.settings import Settings
from roberta.training.start import Sizes
from roberta.weights import safetensors_file
from tests.training.conftest import TINY
from tests.training.toy import Toy

QUICK = {"lr": 0.1, "batch_tokens": 12, "warmup": 0, "clip": 0}


def run_toy(output, toy, *, resume=False, stop=lambda: False, watch=lambda progress: None, **settings):
    trainer = Trainer(toy, Settings(**QUICK | settings), output, stop=stop, watch=watch)
    return trainer.run(resume=resume), trainer


def saved_steps(output):
    return sorted(checkpoint.step_of(path) for path in (output / "checkpoints").glob("step-*"))


@pytest.fixture
def open_small(corpus, tmp_path):
    """Makes the same small masked language model and its objective each time."""

    def make(seed=0, **options):
        sizes = Sizes(layers=2, hidden=16, heads=2, ffn=32, positions=32)
        texts = Texts([str(corpus)], tmp_path / "shared", "10%")
        return open_mlm(texts, Beginning(None, str(TINY), sizes), seed=seed, **options)

    return make


def weights_after(objective, output, **settings):
    Trainer(objective, Settings(**{"lr": 1e-3, "eps": 1e-6, "batch_tokens": 96, "steps": 6} | settings), output).run()
    return {name: value.clone() for name, value in objective.model.state_dict().items()}


def furthest(one, other):
    return max(float((one[name] - other[name]).abs().max()) for name in one)


# Steps


def test_a_loss_is_the_mean_over_all_that_counts_in_the_step(tmp_path):
    toy = Toy()
    seen = []
    run_toy(tmp_path, toy, steps=1, watch=seen.append)
    numbers = Trainer(Toy(), Settings(**QUICK, steps=1), tmp_path).sampler.batch(0)[1]
    distances = ((0.5 - toy.values[numbers]) ** 2).sum(1)
    assert seen[0].loss == pytest.approx(np.average(distances, weights=toy.lengths[numbers]), rel=1e-6)
    assert seen[0].tokens == toy.lengths[numbers].sum()


@pytest.mark.parametrize("accumulate", [2, 4, 50])
def test_accumulation_changes_nothing_but_the_memory(tmp_path, open_small, accumulate):
    one = weights_after(open_small(), tmp_path / "one", dropout=0.0)
    parts = weights_after(open_small(), tmp_path / "parts", dropout=0.0, accumulate=accumulate)
    assert furthest(one, parts) < 1e-6


def test_evaluations_and_checkpoints_change_nothing(tmp_path, open_small):
    assert (
        furthest(
            weights_after(open_small(), tmp_path / "often", save_every=1),
            weights_after(open_small(), tmp_path / "once"),
        )
        == 0
    )


def test_gradient_checkpointing_changes_nothing(tmp_path, open_small):
    one = weights_after(open_small(), tmp_path / "one")
    again = weights_after(open_small(), tmp_path / "again", gradient_checkpointing=True)
    assert furthest(one, again) < 1e-6


def test_another_seed_trains_otherwise(tmp_path, open_small):
    assert furthest(weights_after(open_small(0), tmp_path / "a"), weights_after(open_small(1), tmp_path / "b", seed=1))


def test_dropout_may_be_chosen_and_the_config_keeps_its_own(tmp_path, open_small):
    without = weights_after(open_small(), tmp_path / "without", dropout=0.0)
    assert furthest(weights_after(open_small(), tmp_path / "with"), without) > 1e-4
    folder = checkpoint.latest(tmp_path / "without")
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["hidden_dropout_prob"] == 0.1


def test_with_bf16_the_weights_stay_wide_and_the_loss_near(tmp_path, open_small):
    losses = {}
    for precision in ("fp32", "bf16"):
        weights = weights_after(open_small(), tmp_path / precision, precision=precision, dropout=0.0)
        losses[precision] = [line["loss"] for line in read_log(tmp_path / precision / "log.jsonl") if "loss" in line]
    assert {value.dtype for value in weights.values()} == {torch.float32}
    assert losses["bf16"] == pytest.approx(losses["fp32"], abs=0.05)
    assert losses["bf16"] != losses["fp32"]


def test_clipping_bounds_the_step(tmp_path):
    norms = []
    for clip in (0, 1e-3):
        run_toy(tmp_path / str(clip), toy := Toy(), steps=1, clip=clip, weight_decay=0)
        norms.append((read_log(tmp_path / str(clip) / "log.jsonl")[0]["norm"], float(toy.model.weight.detach().norm())))
    assert norms[0][0] == norms[1][0] > 1e-3, "the log has the norm before it was clipped"


@pytest.mark.parametrize(("fault", "what"), [(math.nan, "loss"), (math.inf, "loss"), (1e37, "norm")])
def test_a_loss_or_gradient_that_is_none_ends_the_run_with_the_last_checkpoint_whole(tmp_path, fault, what):
    toy = Toy(faults={6: fault})
    with pytest.raises(ResourceError, match=f"{what} is .* at step 6; lower --lr"):
        run_toy(tmp_path, toy, steps=9, save_every=5)
    assert torch.isfinite(toy.model.weight).all()
    assert saved_steps(tmp_path) == [5]


def test_a_step_in_which_nothing_counts_spoils_nothing(tmp_path):
    toy = Toy(faults={3: 0.0})
    batch = toy.batch

    def empty_third(numbers, epoch):
        found = batch(numbers, epoch)
        return type(found)(found.tensors, 0.0, found.tokens) if toy.losses == 2 else found

    toy.batch = empty_third
    run_toy(tmp_path, toy, steps=5)
    assert torch.isfinite(toy.model.weight).all()


# Which checkpoint


def scores(*values):
    return [{"accuracy": value, "error": 1 - value} for value in values]


def test_the_run_ends_after_so_many_evaluations_without_a_better_score(tmp_path):
    state, _ = run_toy(tmp_path, Toy(scores(0.1, 0.3, 0.3, 0.2, 0.9)), steps=50, save_every=2, patience=2)
    assert (state.step, state.best_step, state.best) == (8, 4, 0.3)


def test_a_better_score_starts_the_waiting_anew(tmp_path):
    state, _ = run_toy(tmp_path, Toy(scores(0.3, 0.2, 0.4, 0.1, 0.1)), steps=50, save_every=2, patience=2)
    assert (state.step, state.best_step) == (10, 6)


@pytest.mark.parametrize("metric", ["error", "-error"])
def test_the_objective_knows_whether_less_is_better(tmp_path, metric):
    state, _ = run_toy(tmp_path, Toy(scores(0.1, 0.9, 0.5)), steps=6, save_every=2, metric=metric)
    assert (state.best_step, state.best) == (4, pytest.approx(0.1))


def test_the_best_checkpoint_is_what_the_folder_holds(tmp_path):
    toy = Toy(scores(0.1, 0.9, 0.5))
    weights = []
    result = train(
        toy,
        Settings(**QUICK, steps=6, save_every=2),
        tmp_path,
        watch=lambda progress: weights.append(toy.model.weight.detach().numpy().copy()),
    )
    held = safetensors_file.read(tmp_path / "model.safetensors")["weight"]
    assert (held == weights[3]).all()
    assert (held != weights[5]).any()
    assert result["best_step"] == 4
    assert result["steps"] == 6
    assert (result["accuracy"], result["output"]) == (0.9, str(tmp_path))


def test_without_development_data_the_last_step_is_what_the_folder_holds(tmp_path):
    toy = Toy()
    result = train(toy, Settings(**QUICK, steps=5, save_every=2), tmp_path)
    assert result["best_step"] == 5
    held = safetensors_file.read(tmp_path / "model.safetensors")["weight"]
    assert (held == toy.model.weight.detach().numpy()).all()


def test_a_score_that_is_no_number_is_never_the_best(tmp_path):
    result = train(Toy(scores(math.nan, 0.2, math.nan)), Settings(**QUICK, steps=6, save_every=2), tmp_path)
    assert result["best_step"] == 4
    result = train(Toy(scores(math.nan)), Settings(**QUICK, steps=2), tmp_path / "none")
    assert (result["best_step"], result["accuracy"]) == (2, None), "JSON has no NaN"


@pytest.mark.parametrize(("keep", "expected"), [(1, [4, 10]), (2, [4, 8, 10]), (9, [2, 4, 6, 8, 10])])
def test_the_last_checkpoints_and_the_best_are_kept(tmp_path, keep, expected):
    run_toy(tmp_path, Toy(scores(0.1, 0.9, 0.5)), steps=10, save_every=2, keep_last=keep)
    assert saved_steps(tmp_path) == expected


def test_without_save_every_each_epoch_ends_with_a_checkpoint(tmp_path):
    toy = Toy(scores(0.5))
    _, trainer = run_toy(tmp_path, toy, epochs=3, keep_last=9)
    ends = [trainer.sampler.steps_in(epoch) for epoch in (1, 2, 3)]
    assert saved_steps(tmp_path) == ends
    assert toy.evaluations == 3


@pytest.mark.parametrize("settings", [{"metric": "accuracy"}, {"patience": 2}], ids=["--metric", "--patience"])
def test_what_needs_scores_asks_for_development_data(tmp_path, settings):
    with pytest.raises(UsageError, match="give --dev"):
        run_toy(tmp_path, Toy(), steps=5, **settings)
    with pytest.raises(UsageError, match="give --dev"):
        train(Toy(), Settings(**QUICK, steps=5), tmp_path, require={"accuracy": 0.5})


def test_an_unknown_metric_is_refused_before_the_first_step(tmp_path):
    toy = Toy(scores(0.5))
    with pytest.raises(UsageError, match="no metric 'f1' here; choose from accuracy, error"):
        run_toy(tmp_path, toy, steps=5, metric="f1")
    assert not toy.losses


def test_a_required_score_that_is_unknown_is_refused_before_the_first_step(tmp_path):
    toy = Toy(scores(0.5))
    with pytest.raises(UsageError, match="no metric 'f1' here; choose from accuracy, error"):
        train(toy, Settings(**QUICK, steps=5), tmp_path, require={"accuracy": 0.1, "f1": 0.5})
    assert not toy.losses


@pytest.mark.parametrize("told", [{}, {"accuracy": float("nan")}], ids=["absent", "not a number"])
def test_a_required_score_that_cannot_be_told_is_missed(tmp_path, told):
    with pytest.raises(CheckFailed, match="accuracy cannot be told of this development data; the model is in"):
        train(Toy([told | {"error": 0.5}]), Settings(**QUICK, steps=2), tmp_path, require={"accuracy": 0.0})
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("bound", [{"accuracy": 0.95}, {"error": 0.05}])
def test_a_required_score_that_is_missed_leaves_the_model_there(tmp_path, bound):
    with pytest.raises(CheckFailed, match=f"{next(iter(bound))} is .* required; the model is in"):
        train(Toy(scores(0.9)), Settings(**QUICK, steps=2), tmp_path, require=bound)
    assert (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize("bound", [{"accuracy": 0.9}, {"error": 0.2}])
def test_a_required_score_may_be_reached_exactly_or_surpassed(tmp_path, bound):
    train(Toy(scores(0.9)), Settings(**QUICK, steps=2), tmp_path, require=bound)


# Stopping


def stop_after(step):
    """Answers like somebody who pressed Ctrl-C during that step."""
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= step


@pytest.mark.parametrize("step", range(1, 8))
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path, step):
    """At a checkpoint, beside one, and in the last step, which is finished all the same."""
    given = scores(0.1, 0.9, 0.5)
    plan = {"steps": 7, "save_every": 3, "keep_last": 9}
    whole = Toy(given)
    state, _ = run_toy(tmp_path / "whole", whole, **plan)

    first, second = Toy(given), Toy(given)
    stopped, _ = run_toy(tmp_path / "parts", first, **plan, stop=stop_after(step))
    assert stopped.step == step
    second.evaluations = first.evaluations
    resumed, _ = run_toy(tmp_path / "parts", second, **plan, resume=True)
    assert (second.model.weight == whole.model.weight).all()
    ours, theirs = ({**vars(each), "seconds": 0} for each in (resumed, state))
    assert ours == theirs
    assert _steps_and_scores(tmp_path / "parts") == _steps_and_scores(tmp_path / "whole")


def test_a_stop_between_evaluations_does_not_count_as_one(tmp_path):
    toy = Toy(scores(0.5, 0.4))
    run_toy(tmp_path, toy, steps=20, save_every=5, patience=1, stop=stop_after(7))
    state, _ = run_toy(tmp_path, toy, steps=20, save_every=5, patience=1, resume=True)
    assert (state.step, state.stale) == (10, 1)


def test_a_finished_run_may_be_resumed_and_changes_nothing(tmp_path):
    plan = {"steps": 4, "save_every": 3}
    first, _ = run_toy(tmp_path, Toy(scores(0.9, 0.5)), **plan)
    log = (tmp_path / "log.jsonl").read_bytes()
    toy = Toy(scores(0.1))
    again, _ = run_toy(tmp_path, toy, **plan, resume=True)
    assert again == first
    assert toy.evaluations == toy.losses == 0
    assert (tmp_path / "log.jsonl").read_bytes() == log


def _steps_and_scores(output):
    return [{name: value for name, value in line.items() if name != "speed"} for line in read_log(output / "log.jsonl")]


# The log


def test_the_log_has_a_line_for_each_step_and_each_evaluation(tmp_path):
    run_toy(tmp_path, Toy(scores(0.1, 0.9)), steps=4, save_every=2)
    lines = read_log(tmp_path / "log.jsonl")
    assert [(line["step"], "dev" in line) for line in lines] == [
        (1, False),
        (2, False),
        (2, True),
        (3, False),
        (4, False),
        (4, True),
    ]
    assert set(lines[0]) == {"step", "tokens", "loss", "lr", "norm", "speed"}
    assert [line["lr"] for line in lines if "lr" in line] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert lines[2]["dev"] == {"accuracy": 0.1, "error": 0.9}
    tokens = [line["tokens"] for line in lines]
    assert tokens == sorted(tokens)


def test_a_log_line_that_a_kill_cut_off_is_left_out(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo', encoding="utf-8")
    assert read_log(path) == [{"step": 1, "loss": 2.0}]


def test_a_number_that_json_has_not_is_null(tmp_path):
    run_toy(tmp_path, Toy([{"accuracy": math.nan, "error": 0.5}]), steps=1, metric="error")
    assert read_log(tmp_path / "log.jsonl")[-1]["dev"] == {"accuracy": None, "error": 0.5}


def test_the_tables_of_an_evaluation_are_kept_with_its_checkpoint(tmp_path):
    run_toy(tmp_path, Toy(scores(0.1, 0.9)), steps=4, save_every=2, keep_last=2)
    for step, evaluations in ((2, 1), (4, 2)):
        state = checkpoint.read_state(checkpoint.path_of(tmp_path, step))
        assert state.tables == {"Counts": {"columns": ["evaluations"], "rows": [[evaluations]]}}


def test_a_checkpoint_is_a_model_of_its_own(tmp_path, open_small):
    objective = open_small()
    weights_after(objective, tmp_path)
    loaded = RobertaForMaskedLM.from_pretrained(checkpoint.latest(tmp_path))
    assert furthest(objective.model.state_dict(), loaded.state_dict()) == 0
