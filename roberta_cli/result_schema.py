"""What the lines of every command look like, as JSON Schema: the one definition, and what --schema prints.

The properties of an object stand in the order in which its keys are written.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_MEANINGS = {  # what a key means wherever it stands
    "id": "The record's own field id, the field that --id names, or its number from 1.",
    "start": "Where the text begins, in code points of the record's text; --offsets counts otherwise.",
    "end": "Where it ends, exclusive.",
    "score": "A probability, or a cosine where vectors are compared.",
    "logprob": "A natural logarithm of a probability.",
    "windows": "How many windows a text was read in that is longer than one.",
    "truncated": "Tokens of a long text that were left out.",
    "count": "Tokens.",
    "dims": "Numbers in the vector.",
    "code": "A fixed word for the kind of error.",
    "where": "Where the record stood, such as reviews.jsonl:17.",
    "choice": "The place of the choice among those of the record, from 0.",
    "method": "How it was found.",
}
_ANY: Schema = {}
_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_WHOLE = {"type": "integer"}
_YES_OR_NO = {"type": "boolean"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_NUMBER_OR_NULL = {"type": ["number", "null"]}
_WHOLE_OR_NULL = {"type": ["integer", "null"]}


def schema_of(command: str) -> Schema:
    """The JSON Schema of one line of a command, such as schema_of("fill-mask"): one of its forms, or an error.

    Fields that --keep copies stand before id, under any name; a later version may add keys.
    """
    answers = [_object({"id": _ANY, **keys}) for keys in _ANSWERS.get(command, ())]
    reports = [_object(keys) for keys in _REPORTS.get(command, ())]
    keys = "Keys stand in the order of properties"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of roberta {command}",
        "description": f"{keys}, behind the fields that --keep copies." if answers else f"{keys}.",
        "anyOf": [*answers, *reports, *([_object({"id": _ANY, "error": _ERROR})] if answers else [])],
    }


def _object(keys: dict[str, Schema]) -> Schema:
    """An object with these keys; "windows?" is one that need not be there."""
    properties = {}
    for name, value in keys.items():
        plain = name.removesuffix("?")
        properties[plain] = {**value, "description": _MEANINGS[plain]} if plain in _MEANINGS else value
    required = [name for name in keys if not name.endswith("?")]
    return {"type": "object", "properties": properties, "required": required}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


_ERROR = _object({"code": _TEXT, "message": _TEXT, "where": _TEXT})
_CUT = {"windows?": _WHOLE, "truncated?": _WHOLE}

_TOKENS = {
    "tokens?": _list(_TEXT_OR_NULL),
    "ids?": _list(_WHOLE),
    "spans?": _list({"type": ["array", "null"], "items": _WHOLE}),
    "words?": _list(_WHOLE_OR_NULL),
    "count?": _WHOLE,
    "texts?": _list(_WHOLE_OR_NULL),
}
_STATS = _object(dict.fromkeys(("records", "tokens", "p50", "p95", "max", "limit", "over_limit"), _WHOLE))

_FILL = _object(
    {"text": _TEXT, "id": _WHOLE_OR_NULL, "score": _NUMBER, "logprob": _NUMBER, "pieces": _WHOLE, "ids?": _list(_WHOLE)}
)
_SEQUENCE = _object({"filled": _TEXT, "score": _NUMBER, "logprob": _NUMBER, "fills": _list(_FILL)})
_MASK = _object({"start": _WHOLE, "end": _WHOLE, "fills": _list(_FILL)})
_SCORED_TOKEN = _object({"text": _TEXT, "id": _WHOLE, "start": _WHOLE, "end": _WHOLE, "logprob": _NUMBER})

_LABEL = _object({"label": _TEXT, "score": _NUMBER, "logit?": _NUMBER})
_ENTITY = _object(
    {
        "label": _TEXT,
        "text": _TEXT,
        "start": _WHOLE,
        "end": _WHOLE,
        "first?": _WHOLE,
        "last?": _WHOLE,
        "score": _NUMBER,
    }
)
_ANSWER = _object({"answer": _TEXT, "start": _WHOLE, "end": _WHOLE, "score": _NUMBER, "logit": _NUMBER})
_CHOICE = _object({"choice": _WHOLE, "text": _TEXT, "score": _NUMBER})

_VECTOR = {"embedding": {"type": ["array", "string"], "items": _NUMBER}, "dims": _WHOLE}
_UNITS = _list(_object({"text": _TEXT, "start": _WHOLE, "end": _WHOLE, **_VECTOR}))
_NEIGHBOUR = _object({"id": _ANY, "row": _WHOLE, "score": _NUMBER})

_NEW_TEXT = {
    "text": _TEXT,
    "new": _TEXT,
    "tokens": _WHOLE,
    "finish": {"enum": ["length", "stop", "eos"]},
    "logprob": _NUMBER,
}
_MADE_BY = {"method": {"enum": ["causal", "mask"]}, "truncated?": _WHOLE}

_ANSWERS: dict[str, list[dict[str, Schema]]] = {  # about a record
    "tokenize": [
        _TOKENS,
        {"windows": _list(_object(_TOKENS)), "count": _WHOLE, "truncated?": _WHOLE},
        {"text": _TEXT, "count": _WHOLE},
    ],
    "fill-mask": [
        {"masks": _list(_MASK), "filled": _TEXT, "logprob?": _NUMBER, "sequences?": _list(_SEQUENCE), **_CUT},
        {"logprob": _NUMBER, "count": _WHOLE, "perplexity": _NUMBER_OR_NULL, "tokens": _list(_SCORED_TOKEN), **_CUT},
    ],
    "classify": [
        {"label": _TEXT_OR_NULL, "score": _NUMBER_OR_NULL, "labels": _list(_LABEL), **_CUT},
        {"value": _NUMBER, **_CUT},
        {"values": {"type": "object", "additionalProperties": _NUMBER}, **_CUT},
    ],
    "ner": [{"entities": _list(_ENTITY), "tags?": _list(_TEXT), **_CUT}],
    "qa": [
        {
            "answer": _TEXT,
            "start": _WHOLE_OR_NULL,
            "end": _WHOLE_OR_NULL,
            "score": _NUMBER,
            "null_score": _NUMBER,
            "null_odds": _NUMBER,
            "windows": _WHOLE,
            "truncated?": _WHOLE,
            "answers": _list(_ANSWER),
        }
    ],
    "choose": [
        {
            "choice": _WHOLE,
            "text": _TEXT,
            "score": _NUMBER,
            "scores": _list(_NUMBER),
            "method": {"enum": ["head", "likelihood", "entailment"]},
            "ranked?": _list(_CHOICE),
            "truncated?": _WHOLE,
        }
    ],
    "embed": [
        {**_VECTOR, **_CUT},
        {"words": _UNITS, **_CUT},
        {"tokens": _UNITS, **_CUT},
        {"score": _NUMBER, **_CUT},
        {"neighbours": _list(_NEIGHBOUR), **_CUT},
    ],
    "generate": [{**_NEW_TEXT, **_MADE_BY}, {"outputs": _list(_object(_NEW_TEXT)), **_MADE_BY}],
}

_TEXTS = {"type": "array", "items": _TEXT}
_CONVERTED = {
    "from": _TEXT,
    "to": _TEXT,
    "class": _TEXT,
    "tensors": _WHOLE,
    "parameters": _WHOLE,
    "dtype": _TEXT_OR_NULL,
    "bytes": _WHOLE,
    "unused": _TEXTS,
    "missing": _TEXTS,
}
_COMPARED = {"max_abs_diff": _NUMBER_OR_NULL, "verified": _YES_OR_NO, "scaled_diff?": _NUMBER}
_TENSOR = _object({"theirs": _TEXT, "ours": _TEXT, "shape": _list(_WHOLE), "dtype": _TEXT, "bytes": _WHOLE})
_LABELS = {"type": ["array", "null"], "items": _TEXT}
_WEIGHT_FILES = {"files": _list(_object({"name": _TEXT, "bytes": _WHOLE})), "bytes": _WHOLE, "hash": _TEXT}
_POOLING = {
    "modes": _TEXTS,
    "normalize": _YES_OR_NO,
    "dense": _list(_list(_WHOLE)),
    "length": _WHOLE_OR_NULL,
    "prompts": {"type": "object", "additionalProperties": _TEXT},
}
_SIZES = {
    **dict.fromkeys(("layers", "hidden_size", "attention_heads", "intermediate_size"), _WHOLE),
    "vocab_size": _WHOLE,
    "usable_length": _WHOLE,
    "positions": _TEXT,
    "activation": _TEXT,
    "tied": _YES_OR_NO,
    "decoder": _YES_OR_NO,
}

_REPORTS: dict[str, list[dict[str, Schema]]] = {  # about all records, or about a model
    "tokenize": [{"stats": _STATS}],
    "convert": [
        {**_CONVERTED, **_COMPARED, "notes": _TEXTS, "atol": _NUMBER, "opset?": _WHOLE, "output": _TEXT},
        {**_CONVERTED, "notes": _TEXTS, "map": _list(_TENSOR)},
    ],
    "info": [
        {
            "model": _TEXT,
            "format": _TEXT,
            "class": _TEXT,
            "heads": _TEXTS,
            "labels": _LABELS,
            "dtype": _TEXT_OR_NULL,
            "parameters": _WHOLE,
            "tensors": _WHOLE,
            **_SIZES,
            "pooling": _object(_POOLING) | {"type": ["object", "null"]},
            "tokenizer": _TEXTS,
            **_WEIGHT_FILES,
            **dict.fromkeys(("missing", "unused", "adapters", "notes", "inputs?", "outputs?"), _TEXTS),
            "opset?": _WHOLE,
        },
        {
            "model": _TEXT,
            "format": {"const": "lora"},
            "class": _TEXT_OR_NULL,
            "base": _TEXT_OR_NULL,
            "rank": _WHOLE_OR_NULL,
            "alpha": _NUMBER_OR_NULL,
            "layers": {"type": ["array", "string", "null"], "items": _TEXT},
            "labels": _LABELS,
            "parameters": _WHOLE,
            "tensors": _WHOLE,
            **_WEIGHT_FILES,
        },
    ],
}
