"""What many tests share: a config so small that a loop over everything is quick, and seeded weights for it.

torch is imported where it is used: tests of what must not load it run in the same process.
"""

import os

import pytest

from roberta import RobertaConfig

SIZES = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 24,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-3,  # large enough to be missed where it is left out
}


def tiny_config(**changes) -> RobertaConfig:
    return RobertaConfig(**(SIZES | changes))


def seeded(kind, config: RobertaConfig | None = None, seed: int = 0, **arguments):
    """A model of class `kind` in eval mode. Every number is random: biases, LayerNorm and pad rows too, so that none
    can be left out, or be taken for zero, without a difference."""
    import torch

    model = kind(tiny_config() if config is None else config, **arguments).eval()
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=random) * 0.3
            parameter.copy_(noise + 1 if "ayerNorm.weight" in name or "layer_norm.weight" in name else noise)
    return model


def random_ids(batch: int, length: int, seed: int = 0, words: int = 60):
    """(batch, length) ids that are none of the special ones."""
    import torch

    return torch.randint(4, words, (batch, length), generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def nothing_is_configured(monkeypatch):
    """No test, nor a process that it starts, sees what the person who runs it has configured."""
    monkeypatch.setenv("XDG_CONFIG_HOME", os.devnull)
    for name in [name for name in os.environ if name.startswith("ROBERTA_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def cluster():
    """A Ray cluster with room for two workers, which `--engine ray` takes for the rest of the session."""
    pytest.importorskip("ray")
    from roberta.engine.ray_engine import need_ray

    ray = need_ray()
    ray.init("local", num_cpus=2, object_store_memory=80 << 20, include_dashboard=False, log_to_driver=False)
    yield ray
    ray.shutdown()
