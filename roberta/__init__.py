"""RoBERTa for text. Public names are fetched on first use, so that `import roberta` loads neither torch nor NumPy."""

from importlib import import_module

from roberta.version import __version__

_MODELS = "roberta.model.models"
_HOME = {
    "run": "roberta.engine.run",
    "RobertaConfig": "roberta.config",
    "AutoConfig": "roberta.config",
    "RobertaTokenizer": "roberta.tokenizer",
    "RobertaTokenizerFast": "roberta.tokenizer",
    "AutoTokenizer": "roberta.tokenizer",
    "RobertaModel": _MODELS,
    "RobertaForCausalLM": "roberta.generation.causal",
    "RobertaForMaskedLM": _MODELS,
    "RobertaForSequenceClassification": _MODELS,
    "RobertaForMultipleChoice": _MODELS,
    "RobertaForTokenClassification": _MODELS,
    "RobertaForQuestionAnswering": _MODELS,
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str):
    try:
        home = _HOME[name]
    except KeyError:
        for framework in ("TF", "Flax"):
            if name.removeprefix(framework) in _HOME:
                # Not AttributeError, which `from roberta import ...` would replace by a sentence without the remedy.
                raise ImportError(
                    f"{name} is a class of another framework; use {name.removeprefix(framework)}, and turn a checkpoint"
                    " into its format with: roberta convert"
                ) from None
        raise AttributeError(f"module 'roberta' has no attribute {name!r}") from None
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
