"""What a person sees on a terminal: bars, marks and pieces; and nothing of them where nobody looks."""

import json
import os
import pty
import re
import struct
import sys
import termios
from fcntl import ioctl

import pytest

from roberta.records import Record
from roberta_cli import app, display, painting
from roberta_cli.commands import ner, qa, tokenize
from roberta_cli.display import Bars, Lines, Marked, Pieces, Prose, Screen, marked, on_one_line, plain

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
MARKED = Marked("Zoë of 日本 sings.", [(0, 3, "PER"), (7, 9, "LOC")])


def on(*views, width=80, colors=True):
    return painting.painted(views, Screen(width, colors))


@pytest.mark.parametrize(
    ("score", "drawn"),
    [(0.0, ""), (1.0, "████"), (0.5, "██"), (0.53125, "██▏"), (-0.2, ""), (1.5, "████"), (float("nan"), "")],
)
def test_a_bar_is_as_long_as_its_score(score, drawn):
    assert painting.bar(score, 4) == drawn


def test_the_plain_form_has_scores_labels_and_words_and_nothing_else():
    views = [MARKED, Bars([(0.5, "Zoë")], labels=["PER"]), Pieces(["a"]), Lines(["x"]), Prose("a\nb")]
    assert plain(views) == "0.500  PER  Zoë\n\nx\n\na\nb"


def test_colours_say_the_kind_and_brackets_say_it_without():
    colored = on(MARKED)
    assert "\x1b[30;46mZoë PER\x1b[0m" in colored
    assert ESCAPE.sub("", colored).splitlines() == ["Zoë PER of 日本 LOC sings.", "", " PER  1    LOC  1"]
    assert on(MARKED, colors=False).splitlines() == ["[Zoë PER] of [日本 LOC] sings.", "", " PER  1    LOC  1"]


def test_a_label_has_one_colour_in_the_text_the_legend_and_the_rows():
    shown = on(MARKED, Bars([(0.9, "日本"), (0.8, "Zoë")], labels=["LOC", "PER"]))
    rows = {ESCAPE.sub("", line).split()[-1]: line for line in shown.splitlines()[-2:]}
    assert ("[36m" in rows["Zoë"], "[35m" in rows["日本"]) == (True, True)


def test_of_spans_that_overlap_the_first_is_shown():
    view = Marked("one two three", [(4, 7, "B"), (0, 7, "A"), (8, 13, "C")])
    assert on(view, colors=False).splitlines()[0] == "one [two B] [three C]"


def test_far_from_its_answer_a_context_is_left_out():
    text = "x" * 50 + "answer" + "y" * 50
    assert on(Marked(text, [(50, 56, "")], near=5), colors=False) == "… xxxxx[answer]yyyyy …"
    assert "…" not in on(Marked(text, [(50, 56, "")]), colors=False)


def test_small_scores_differ_and_are_no_wider_than_others():
    small = Bars([(0.0000214, "good"), (0.000376, "bad"), (0.0, "never")])
    for shown in (on(small, colors=False), plain([small])):
        assert [line.split()[0] for line in shown.strip().splitlines()] == ["2e-05", "4e-04", "0.000"]


@pytest.mark.parametrize("width", [20, 30, 40, 80])
def test_no_line_of_a_table_is_wider_than_the_terminal(width):
    from rich.cells import cell_len

    long = Marked("日本 " * 40, [(0, 2, "LOC"), (30, 62, "LOC")])
    table = Bars([(0.5, "日本語" * 20), (0.1, "word " * 30), (0.1, "w" * 90)], labels=["MISC", "LOC", "PER"])
    for colors in (True, False):
        lines = ESCAPE.sub("", on(long, table, Pieces(["<s>", "日本" * 30]), width=width, colors=colors)).split("\n")
        assert max(map(cell_len, lines)) <= width
        assert colors or not any(line.endswith(" ") for line in lines)
        assert "".join(lines).count("w") >= 90, "nothing is left out"


def test_what_a_terminal_would_obey_is_shown():
    hostile = "a\x1b[2J\x07\x9b31m\u202eb\x7f\r\n"
    safe = "a␛[2J␇\\x9b31m\\u202eb␡␍"
    assert on_one_line(hostile) == safe + "␊"
    for view in (Bars([(0.5, hostile)], [hostile]), Lines([hostile]), Marked(hostile, [(0, 1, hostile)])):
        for text in (view.plain() or "", on(view), on(view, colors=False)):
            assert not set(ESCAPE.sub("", text)) & set("\x1b\x07\x9b\u202e\x7f\r"), view
    assert Prose(hostile).plain() == safe + "\n"


def test_spans_that_count_something_else_are_not_marked():
    assert marked("Zoë sings", [(5, 10, "X")], ["sings"]) == []  # in bytes
    assert marked("Zoë sings", [(4, 9, "X")], ["sings"]) == [Marked("Zoë sings", [(4, 9, "X")])]


def test_entities_are_marked_in_texts_and_in_given_words():
    result = {"entities": [{"label": "PER", "text": "Jan", "start": 8, "end": 11, "score": 0.9}]}
    for fields in ({"text": "Ada met Jan."}, {"tokens": ["Ada", "met", "Jan", "."]}):
        view, _ = ner.as_views(result, Record(0, "a.txt:1", fields))
        assert on(view, colors=False).startswith("Ada met [Jan PER]")


def test_an_answer_is_marked_in_its_context_and_no_answer_is_not():
    found = {"answer": "Ada", "start": 0, "end": 3, "score": 0.9, "answers": [{"answer": "Ada", "score": 0.9}]}
    assert on(*qa.as_views(found, "Ada sang."), colors=False).startswith("[Ada] sang.\n\n0.900  ")
    nothing = {"answer": "", "start": None, "end": None, "score": 0.7, "answers": [{"answer": "Ada", "score": 0.2}]}
    assert plain(qa.as_views(nothing, "Ada sang.")) == "0.700  -\n0.200  Ada"


def test_pieces_keep_their_blanks_and_tokens_that_share_a_letter_are_one():
    tokens = ["<s>", "Hi", "Ġ", "ð", "Ł", "!", "</s>"]
    spans = [None, [0, 2], [3, 4], [3, 4], [3, 4], [4, 5], None]
    result = {"tokens": tokens, "ids": list(range(7)), "spans": spans}
    pieces, _ = tokenize.as_views(result, Record(0, "argument 1", {"text": "Hi 🎉!"}))
    assert on(pieces, colors=False) == "<s>|Hi| 🎉|!|</s>"
    assert len(tokenize.as_views(result, Record(0, "argument 1", {"text": "Hi 🎉!"}), offsets="bytes")) == 1


@pytest.mark.parametrize(
    ("color", "terminal", "environment", "screen"),
    [
        ("auto", True, {}, Screen(50, True)),
        ("auto", False, {}, None),
        ("auto", True, {"TERM": "dumb"}, None),
        ("auto", True, {"NO_COLOR": "1"}, Screen(50, False)),
        ("auto", True, {"NO_COLOR": ""}, Screen(50, True)),
        ("auto", False, {"FORCE_COLOR": "1"}, Screen(50, True)),
        ("auto", False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, Screen(50, False)),
        ("always", False, {}, Screen(50, True)),
        ("always", True, {"NO_COLOR": "1", "TERM": "dumb"}, Screen(50, True)),
        ("never", True, {"FORCE_COLOR": "1"}, Screen(50, False)),
        ("never", False, {"FORCE_COLOR": "1"}, None),
    ],
)
def test_when_there_are_colours(color, terminal, environment, screen, monkeypatch):
    for name, value in ({"NO_COLOR": "", "FORCE_COLOR": "", "TERM": "xterm", "COLUMNS": "50"} | environment).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(display.sys, "stdout", type("Stream", (), {"isatty": lambda self: terminal})())
    assert Screen.of(color, to_stdout=True) == screen
    if color == "auto" and "FORCE_COLOR" not in environment:
        assert Screen.of(color, to_stdout=False) is None, "a file"


def on_a_terminal(args, columns=60, **environment):
    """What a command writes on a terminal of so many columns, and its exit code."""
    child, screen = pty.fork()
    if child == 0:
        try:
            os.environ.update({"TERM": "xterm", "HF_HUB_OFFLINE": "1"} | environment)
            for name in {"COLUMNS", "NO_COLOR", "FORCE_COLOR"} - environment.keys():
                os.environ.pop(name, None)
            ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            sys.stdin, sys.stdout, sys.stderr = (
                os.fdopen(number, mode) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
            )
            code = app.run(args)
            sys.stdout.flush()
        finally:
            os._exit(code)
    written = b""
    try:
        while part := os.read(screen, 1 << 16):
            written += part
    except OSError:  # how a pseudo-terminal says that its other end is closed
        pass
    _, status = os.waitpid(child, 0)
    return written.decode().replace("\r\n", "\n"), os.waitstatus_to_exitcode(status)


ASKED = ["tokenize", "-q", "Hello world"]


def test_a_terminal_gets_the_picture_and_a_pipe_gets_json(roberta):
    painted, code = on_a_terminal(ASKED)
    assert (code, "m world\x1b[0m" in painted) == (0, True)
    assert json.loads(roberta(*ASKED).out)["count"] == 5


def test_the_form_that_was_asked_for_comes_on_a_terminal_too(roberta):
    assert on_a_terminal([*ASKED, "--output-format", "jsonl"])[0] == roberta(*ASKED).out


def test_without_colours_a_terminal_gets_no_escapes():
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in on_a_terminal(ASKED, **environment)[0]
    assert "\x1b" not in on_a_terminal([*ASKED, "--color", "never"])[0]


def test_a_table_in_a_pipe_is_plain_unless_colours_are_wanted(roberta, monkeypatch):
    table = [*ASKED, "--output-format", "table"]
    assert "\x1b" not in roberta(*table).out
    assert "\x1b[" in roberta(*table, "--color", "always").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in roberta(*table).out
    assert roberta(*ASKED).out.startswith("{"), "JSON has no colours"


def test_a_word_that_is_no_colour_choice_is_refused(roberta):
    ended = roberta(*ASKED, "--color", "blue")
    assert (ended.code, ended.err) == (2, "error: --color 'blue' is not one of auto, always, never\n")
