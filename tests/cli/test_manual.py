"""Man pages say all that help says, and readers of man pages take them without a complaint."""

import shutil
import subprocess

import pytest

from roberta_cli import docs, tree
from roberta_cli.endings import ExitCode
from roberta_cli.manual import file_name, man_page

PAGES = list(tree.pages())


def test_every_command_has_its_page_and_the_first_page_lists_the_commands():
    names = {file_name(page) for page in PAGES}
    assert len(names) == len(PAGES)
    first = man_page(tree.page())
    assert all(rf"roberta\-{page.names[0]}" in first.replace(r"\-mask", "-mask") for page in PAGES if page.names)


def rendered(page: tree.Page) -> str:
    """The page as plain text, its blanks made one."""
    ran = subprocess.run(
        ["man", "--warnings", "-l", "-"],
        input=man_page(page), capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "2000", "MANOPT": "-P cat"},
    )  # fmt: skip
    assert ran.stderr == ""
    return " ".join(ran.stdout.split())


@pytest.mark.skipif(not shutil.which("man"), reason="no man")
@pytest.mark.parametrize("names", [("fill-mask",), ("train", "mlm")], ids=" ".join)
def test_a_page_has_every_flag_with_its_whole_help_and_every_example(names):
    page = tree.page(*names)
    text = rendered(page)
    for flag in page.flags:
        value = f" {flag.value.metavar}" if flag.value else ""
        assert f"{flag.long}{value}" in text
        assert " ".join(flag.help.split()) in text
    for example in page.examples:
        assert example in text
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in text
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"):
        assert heading in text


def test_text_that_roff_would_take_for_a_request_or_an_escape_stands_as_it_is():
    page = tree.Page(("x",), "A.", [r".so it's \fBnot\fR bold: ë"], [], [], [])
    assert r"\&.so it\(aqs \efBnot\efR bold: \[u00EB]" in man_page(page)


@pytest.mark.parametrize("reader", [["groff", "-ww", "-man", "-Tutf8"], ["mandoc", "-T", "lint"]], ids=" ".join)
def test_readers_of_man_pages_do_not_complain(reader, tmp_path):
    if not shutil.which(reader[0]):
        pytest.skip(f"no {reader[0]}")
    docs.write(tmp_path)
    for path in sorted((tmp_path / "man").iterdir()):
        ran = subprocess.run([*reader, path], capture_output=True, text=True)
        said = ran.stdout if reader[0] == "mandoc" else ran.stderr
        assert (path.name, said, ran.stderr) == (path.name, "", "")


def test_roberta_man_prints_the_page(roberta):
    assert roberta("man", "train", "mlm").out == man_page(tree.page("train", "mlm"))
    assert roberta("man").out == man_page(tree.page())


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (["fil-mask"], "no such command 'fil-mask'; did you mean fill-mask?"),
        (["train", "clasify"], "no such command 'clasify'; did you mean classify?"),
        (["qa", "mlm"], "no such command 'mlm'; see roberta man --help"),
    ],
)
def test_a_command_that_is_not_there_is_one_sentence(roberta, names, sentence):
    ended = roberta("man", *names)
    assert (ended.code, ended.out, ended.err) == (2, "", f"error: {sentence}\n")
