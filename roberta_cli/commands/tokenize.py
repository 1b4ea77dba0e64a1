"""roberta tokenize"""

from __future__ import annotations

from roberta_cli import options
from roberta_cli.answer import answer
from roberta_cli.groups import Reading, Vocabulary, Writing


def tokenize(
    texts: options.Texts = None,
    *,
    show: options.Show = "tokens",
    decode: options.Decode = False,
    no_specials: options.NoSpecials = False,
    windows: options.Windows = False,
    window: options.Window = None,
    overlap: options.Overlap = None,
    offsets: options.Offsets = "chars",
    stats: options.Stats = False,
    reading: Reading,
    chosen: Vocabulary,
    writing: Writing,
) -> None:
    """Show how texts are cut into tokens: their ids and where they stand.

    Examples:

    roberta tokenize "Hello world"

    roberta tokenize "Zoë waves" --output-format table

    printf 'one text\\na line\\n' | roberta tokenize --show count --stats

    roberta tokenize --decode "0 43 13842 928 2"
    """
    answer(
        "tokenize",
        texts,
        reading,
        chosen,
        writing,
        as_text,
        last_line=_stats if stats else None,
        show=show,
        decode=decode,
        specials=not no_specials,
        windows=windows,
        window=window,
        overlap=overlap,
        offsets=offsets,
    )


def _stats(job):
    from roberta.tasks.token_counts import TokenCounts

    counts = TokenCounts(job.runner.config.usable_length)
    job.watch.append(lambda answered: answered.error or counts.add_result(answered.result))
    return lambda: {"stats": counts.result()}


def as_text(result: dict) -> str:
    """A line for each token: its id, its place in the text, and itself; whatever else was asked for, by its name.

    >>> print(as_text({"tokens": ["<s>", "Hello", "</s>"], "ids": [0, 31414, 2], "spans": [None, [0, 5], None]}))
         0            <s>
     31414       0-5  Hello
         2            </s>
    """
    if "windows" in result:
        return "\n\n".join(as_text(window) for window in result["windows"])
    if "tokens" not in result or "stats" in result:
        return "\n".join(f"{name}: {_flat(value)}" for name, value in result.items() if name != "id")
    places = ["" if span is None else f"{span[0]}-{span[1]}" for span in result["spans"]]
    rows = zip(result["ids"], places, result["tokens"])
    return "\n".join(f"{id:>6}  {place:>8}  {token}" for id, place, token in rows)


def _flat(value) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return ", ".join(f"{name} {inner}" for name, inner in value.items()) if isinstance(value, dict) else str(value)
