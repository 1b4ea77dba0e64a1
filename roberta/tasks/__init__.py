"""The tasks: each turns a record into windows and numbers into an answer. Loaded when asked for."""

from importlib import import_module

TASKS = {
    "tokenize": "roberta.tasks.tokenize:Tokenize",
    "fill-mask": "roberta.tasks.fill_mask:FillMask",
    "classify": "roberta.tasks.classify:Classify",
}


def task_class(name: str) -> type:
    """The class of a row of TASKS."""
    module, _, attribute = TASKS[name].partition(":")
    return getattr(import_module(module), attribute)
