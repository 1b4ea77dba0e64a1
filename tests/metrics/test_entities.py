"""Entity scores: worked readings, and seqeval as the oracle on random and on real tags."""

import random
import warnings

import pytest

from roberta.metrics.entities import EntityScores, entities_of, split_tag, strict_entities_of
from tests.shared import SHARED, needs_shared

ORACLES = {"IOB1": "IOB1", "IOB2": "IOB2", "BIOES": "IOBES", "BILUO": "BILOU"}
LETTERS = {"IOB1": "BI", "IOB2": "BI", "BIOES": "BIES", "BILUO": "BILU"}


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-PER I-PER O", [("PER", 0, 1)]),
        ("I-PER I-PER", [("PER", 0, 1)]),
        ("B-PER B-PER", [("PER", 0, 0), ("PER", 1, 1)]),
        ("B-PER I-LOC", [("PER", 0, 0), ("LOC", 1, 1)]),
        ("S-PER I-PER E-PER I-PER", [("PER", 0, 0), ("PER", 1, 2), ("PER", 3, 3)]),
        ("U-PER B-LOC L-LOC", [("PER", 0, 0), ("LOC", 1, 2)]),
        ("PER PER LOC", [("PER", 0, 1), ("LOC", 2, 2)]),
        ("O", []),
        ("", []),
    ],
)
def test_the_lenient_reading_takes_whatever_is_no_o(tags, found):
    assert entities_of(tags.split()) == found


@pytest.mark.parametrize(
    ("tags", "scheme", "found"),
    [
        ("I-PER O B-PER I-PER I-LOC", "IOB2", [("PER", 2, 3)]),
        ("B-PER I-PER O S-LOC", "BIOES", [("LOC", 3, 3)]),
        ("B-PER L-PER I-LOC U-LOC", "BILUO", [("PER", 0, 1), ("LOC", 3, 3)]),
        ("I-PER B-PER I-LOC", "IOB1", [("PER", 0, 0), ("PER", 1, 1), ("LOC", 2, 2)]),
        ("I-PER B-PER", "IOB1", [("PER", 0, 0), ("PER", 1, 1)]),
        ("I-PER I-PER", "IO", [("PER", 0, 1)]),
    ],
)
def test_the_strict_reading_takes_what_keeps_to_the_scheme(tags, scheme, found):
    assert strict_entities_of(tags.split(), scheme) == found


def test_a_type_may_hold_hyphens_and_a_tag_no_type():
    assert split_tag("I-creative-work") == ("I", "creative-work")
    assert split_tag("B") == ("B", "_")
    assert split_tag("E-PER") == split_tag("L-PER")


def test_nothing_at_all_scores_zero():
    summary = EntityScores("IOB2").summary()
    assert (summary["records"], summary["f1"], summary["f1_strict"], summary["per_label"]) == (0, 0.0, 0.0, [])


def test_scores_of_types_stand_beside_those_of_all():
    scores = EntityScores("IOB2")
    scores.add_tags(["B-PER", "O", "B-LOC"], ["B-PER", "B-PER", "I-LOC"])
    summary = scores.summary()
    assert (summary["precision"], summary["recall"], summary["f1"]) == (2 / 3, 1.0, 0.8)
    assert (summary["precision_strict"], summary["recall_strict"]) == (0.5, 0.5)
    loc, per = summary["per_label"]
    assert (loc["label"], loc["f1"], loc["f1_strict"], loc["support"]) == ("LOC", 1.0, 0.0, 1)
    assert (per["label"], per["precision"], per["recall"], per["support"]) == ("PER", 0.5, 1.0, 1)


def random_tags(dice, letters, length):
    kinds = ("PER", "LOC", "creative-work")
    tags = [f"{letter}-{kind}" for letter in letters for kind in kinds]
    return [dice.choice(tags) if dice.random() < 0.7 else "O" for _ in range(length)]


def changed(dice, tags, letters):
    return [random_tags(dice, letters, 1)[0] if dice.random() < 0.2 else tag for tag in tags]


def equal_to_seqeval(scheme, gold, predicted):
    """All numbers, of both readings, for each type and together. seqeval calls BILUO's L and U no tags at all: its
    lenient reading is asked about the same tags as BIOES."""
    lenient = pytest.importorskip("seqeval.metrics.sequence_labeling")
    strict = pytest.importorskip("seqeval.metrics.v1")
    schemes = pytest.importorskip("seqeval.scheme")
    scores = EntityScores(scheme)
    for row in zip(gold, predicted):
        scores.add_tags(*row)
    summary = scores.summary()

    def as_bioes(rows):
        return [
            ["E" + tag[1:] if tag[0] == "L" else "S" + tag[1:] if tag[0] == "U" else tag for tag in r] for r in rows
        ]

    for ending, module in (("", lenient), ("_strict", strict)):
        ask = module.precision_recall_fscore_support
        options = {"scheme": getattr(schemes, ORACLES[scheme])} if ending else {}
        rows = (gold, predicted) if ending else (as_bioes(gold), as_bioes(predicted))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            together = ask(*rows, average="micro", **options)
            each = ask(*rows, average=None, **options)
        names = [name + ending for name in ("precision", "recall", "f1")]
        assert [summary[name] for name in names] == pytest.approx(list(together[:3]), abs=1e-12)
        own = [row for row in summary["per_label"] if any(row[name] for name in names)]
        theirs = [row for row in zip(*(list(part) for part in each)) if any(row[:3])]
        assert [[row[name] for name in names] for row in own] == [pytest.approx(row[:3], abs=1e-12) for row in theirs]
        if not ending:
            assert [row["support"] for row in summary["per_label"]] == list(each[3])


@pytest.mark.parametrize("scheme", ORACLES)
def test_random_tags_score_as_in_seqeval(scheme):
    dice = random.Random(5)
    for _ in range(150):
        gold = [random_tags(dice, LETTERS[scheme], dice.randint(1, 12)) for _ in range(4)]
        equal_to_seqeval(scheme, gold, [changed(dice, row, LETTERS[scheme]) for row in gold])


@needs_shared
@pytest.mark.parametrize("name", ["ner_wikigold_dev.conll", "ner_wnut17_dev.conll", "ner_btc_dev.conll"])
def test_real_tags_score_as_in_seqeval(name):
    text = (SHARED / "tasks" / name).read_text(encoding="utf-8")
    gold = [
        [line.split()[-1] for line in block.split("\n") if line.strip()]
        for block in text.split("\n\n")
        if block.strip()
    ]
    dice = random.Random(7)
    kinds = sorted({tag[2:] for row in gold for tag in row} - {""})

    def disturbed(tag):
        return f"{dice.choice('BI')}-{dice.choice(kinds)}" if dice.random() < 0.1 else tag

    equal_to_seqeval("IOB2", gold, [[disturbed(tag) for tag in row] for row in gold])
