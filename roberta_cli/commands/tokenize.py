"""roberta tokenize"""

from __future__ import annotations

from typing import TYPE_CHECKING

from roberta_cli import options
from roberta_cli.answer import answer
from roberta_cli.display import Lines, Pieces, View
from roberta_cli.groups import Reading, Vocabulary, Writing

if TYPE_CHECKING:
    from roberta.records import Record


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
    workers: options.Processes = 1,
    reading: Reading,
    chosen: Vocabulary,
    writing: Writing,
) -> None:
    """Show how texts are cut into tokens: their ids and where they stand.

    Examples:

    roberta tokenize "Hello world"

    roberta tokenize "Zoë waves" --output-format table

    printf 'one text\\na line\\n' | roberta tokenize --show count --stats

    roberta tokenize --decode "0 43 11721 1003 2"
    """
    answer(
        "tokenize",
        texts,
        reading,
        chosen,
        writing,
        lambda result, record: as_views(result, record, offsets),
        last_line=_stats if stats else None,
        processes=workers,
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


def as_views(result: dict, record: Record, offsets: str = "chars") -> list[View]:
    """The text cut up, and a row for each token: its id, its place in the text, and itself; whatever else was asked
    for, by its name.

    >>> tokens = {"tokens": ["<s>", "Hello", "</s>"], "ids": [0, 31414, 2], "spans": [None, [0, 5], None]}
    >>> print(plain(as_views(tokens, Record(0, "argument 1", {"text": "Hello"}))))
         0            <s>
     31414       0-5  Hello
         2            </s>
    """
    if "windows" in result:
        return [view for window in result["windows"] for view in as_views(window, record, offsets)]
    if "tokens" not in result or "stats" in result:
        return [Lines([f"{name}: {_flat(value)}" for name, value in result.items() if name != "id"])]
    places = ["" if span is None else f"{span[0]}-{span[1]}" for span in result["spans"]]
    rows = [f"{id:>6}  {place:>8}  {token}" for id, place, token in zip(result["ids"], places, result["tokens"])]
    return [*([] if offsets != "chars" or "texts" in result else [_cut_up(result, record.fields["text"])]), Lines(rows)]


def _cut_up(result: dict, text: str) -> Pieces:
    """The pieces of the text, blanks with the piece behind them, and tokens that share a letter in one."""
    pieces, framing = [], set()
    reached = next((span[0] for span in result["spans"] if span is not None), 0)
    for token, span in zip(result["tokens"], result["spans"]):
        if span is None:
            framing.add(len(pieces))
            pieces.append(token)
        elif span[1] > reached:
            pieces.append(text[reached : span[1]])
            reached = span[1]
    return Pieces(pieces, frozenset(framing))


def _flat(value) -> str:
    """What is asked for by its name: words and places of tokens as in the table, - for a token that has none."""
    if isinstance(value, list):
        return " ".join(
            "-" if one is None else "-".join(map(str, one)) if isinstance(one, list) else str(one) for one in value
        )
    return ", ".join(f"{name} {inner}" for name, inner in value.items()) if isinstance(value, dict) else str(value)
