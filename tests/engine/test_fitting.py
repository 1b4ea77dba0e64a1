import pytest

from roberta.config import RobertaConfig
from roberta.engine.fitting import USES, check_head
from roberta.errors import CheckpointError
from roberta.model.parameters import HEADS


def test_every_head_can_be_spoken_of():
    assert USES.keys() == HEADS.keys()


@pytest.mark.parametrize("head", HEADS)
def test_a_checkpoint_fits_its_own_head_and_no_other(head):
    config = RobertaConfig(architectures=[HEADS[head].architecture])
    check_head(config, head, "models/x")
    for other in HEADS.keys() - {head}:
        with pytest.raises(CheckpointError, match="models/x holds"):
            check_head(config, other, "models/x")


def test_the_error_names_what_is_there_and_both_ways_out():
    with pytest.raises(CheckpointError) as error:
        check_head(RobertaConfig(architectures=["RobertaForMaskedLM"]), "sequence_classification", "models/x")
    assert str(error.value) == (
        "models/x holds a masked language model, no classification head;"
        " use roberta fill-mask, or fine-tune it: roberta train classify"
    )


def test_a_bare_encoder_is_told_from_a_config_that_names_no_class():
    with pytest.raises(CheckpointError, match="an encoder without a head"):
        check_head(RobertaConfig(architectures=["RobertaModel"]), "masked_lm", "models/x")
    check_head(RobertaConfig(), "masked_lm", "models/x")


def test_any_checkpoint_has_hidden_states():
    check_head(RobertaConfig(architectures=["RobertaForMaskedLM"]), "hidden_states", "models/x")


@pytest.mark.parametrize("head", sorted(HEADS.keys() - {"masked_lm", "causal_lm"}))
def test_for_what_the_built_in_model_cannot_do_a_published_model_is_named(head):
    with pytest.raises(CheckpointError, match=r"built-in model has no .*--model \S+/\S+"):
        check_head(RobertaConfig(architectures=["RobertaForMaskedLM"]), head, "mini", builtin=True)
