"""roberta fill-mask"""

from roberta_cli import options, stream


def fill_mask(
    texts: options.Texts = None,
    *,
    files: options.Input = None,
    model: options.Model = None,
    revision: options.Revision = None,
    device: options.Device = "auto",
    threads: options.Threads = None,
    top: options.Top = 5,
    output_format: options.Format = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Print the likeliest words for every <mask>.

    Examples:

    roberta fill-mask "The capital of France is <mask>."

    roberta fill-mask --top 2 "She <mask> a letter to her <mask>."

    printf 'A cat is an <mask>.\\nIt <mask> to rain.\\n' | roberta fill-mask --quiet
    """
    records = stream.records_from(texts, files)

    from roberta.engine.job import Job  # late: neither --help nor wrong use waits for these
    from roberta.engine.open_task import open_task
    from roberta.engine.runner import open_runner

    stream.say_which_model(model, quiet)
    runner = open_runner(model, revision=revision, device=device, threads=threads)
    job = Job(runner, open_task("fill-mask", runner, top=top))
    stream.write_results(job.results(records), as_text, stream.output_form(output_format, texts))


def as_text(result: dict) -> str:
    """The words of each mask under each other, with their probability; then the text with the best ones in place."""
    masks = ["\n".join(f"{fill['score']:.3f}  {fill['text']}" for fill in mask["fills"]) for mask in result["masks"]]
    return "\n\n".join([*masks, result["filled"]])
