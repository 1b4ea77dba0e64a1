import pytest


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("given", "noted"), [((), True), (("--epochs", "60"), False), (("--steps", "2"), False), (("--quiet",), False)]
)
def test_who_did_not_ask_for_few_steps_is_told_that_there_were_few(roberta, given, noted):
    ended = roberta("train", "classify", "train.jsonl", "-m", "my-sentiment-model", "-o", "new", *given)
    assert ended.code == 0
    assert ("steps only; for more steps on the same data lower --batch-tokens" in ended.err) is noted
