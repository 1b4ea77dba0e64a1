"""roberta tokenize"""

from roberta_cli import options, stream


def tokenize(
    texts: options.Texts = None,
    *,
    files: options.Input = None,
    model: options.Model = None,
    revision: options.Revision = None,
    output_format: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Show how texts are cut into tokens: their ids and where they stand.

    Examples:

    roberta tokenize "Hello world"

    roberta tokenize "Zoë waves" --output-format table

    printf 'one text\\na line\\n' | roberta tokenize
    """
    records = stream.records_from(texts, files)

    from roberta.engine.job import Job  # late: neither --help nor wrong use waits for these
    from roberta.engine.open_task import open_task
    from roberta.engine.runner import open_runner

    stream.say_which_model(model, quiet)
    runner = open_runner(model, revision=revision)
    job = Job(runner, open_task("tokenize", runner))
    stream.write_results(job.results(records), as_text, stream.output_form(output_format, texts))


def as_text(result: dict) -> str:
    """A line for each token: its id, its place in the text, and itself.

    >>> print(as_text({"tokens": ["<s>", "Hello", "</s>"], "ids": [0, 31414, 2], "spans": [None, [0, 5], None]}))
         0            <s>
     31414       0-5  Hello
         2            </s>
    """
    places = ["" if span is None else f"{span[0]}-{span[1]}" for span in result["spans"]]
    rows = zip(result["ids"], places, result["tokens"])
    return "\n".join(f"{id:>6}  {place:>8}  {token}" for id, place, token in rows)
