"""What bash, zsh and fish offer behind a line: commands, flags, words, files, folders and models of the cache."""

import shutil

import pytest

from roberta_cli import tree
from roberta_cli.shells import SHELLS
from tests.cli.shell_completion import bash_offers, fish_offers, open_zsh

FOLDER = {"folder", "letter.txt"}
MODELS = {"FacebookAI/roberta-base", "gpt2"}
OFFERS = {
    "roberta fi": {"fill-mask"},
    "roberta fill-mask --to": {"--top"},
    "roberta fill-mask --fill ": {"each", "greedy", "joint"},
    "roberta fill-mask --fill=g": {"greedy"},
    "roberta fill-mask --device ": {"auto", "cpu", "cuda"},
    "roberta fill-mask --top ": set(),
    "roberta fill-mask -i ": FOLDER,
    "roberta fill-mask -i le": {"letter.txt"},
    "roberta fill-mask --targets @le": {"letter.txt"},
    "roberta fill-mask --targets=@le": {"letter.txt"},
    "roberta fill-mask ": set(),  # a text is typed, not chosen
    "roberta fill-mask --quiet --fi": {"--field", "--fill"},
    "roberta embed --no-n": {"--no-normalize"},
    "roberta ner -m ": MODELS | {"folder"},
    "roberta ner --model F": {"FacebookAI/roberta-base"},
    "roberta ner --adapter ": {"folder"},
    "roberta info ": MODELS | FOLDER,
    "roberta convert gp": {"gpt2"},
    "roberta convert gpt2 fo": {"folder"},
    "roberta man fill": {"fill-mask"},
    "roberta train m": {"mlm", "multilabel"},
    "roberta train mlm ": FOLDER,
    "roberta train mlm --init ": {"random", "svd"},
    "roberta train mlm letter.txt --whole": {"--whole-words"},
    "roberta ner -- --": set(),
    "roberta completions ": {"bash", "zsh", "fish"},
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a file and a folder in it, and a cache with two models."""
    folder, hub = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("hub")
    (folder / "folder").mkdir()
    (folder / "letter.txt").write_text("", encoding="utf-8")
    for name in ("models--FacebookAI--roberta-base", "models--gpt2", "datasets--squad", ".locks"):
        (hub / name).mkdir()
    return folder, hub


@pytest.fixture(scope="module", params=SHELLS)
def offers(request, place, tmp_path_factory):
    """Calls offers(line) -> what the shell offers."""
    shell = request.param
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    script = tmp_path_factory.mktemp(shell) / "_roberta"
    script.write_text(SHELLS[shell](list(tree.pages())), encoding="utf-8")
    if shell != "zsh":
        ask = {"bash": bash_offers, "fish": fish_offers}[shell]
        yield lambda line: ask(script, line, *place)
        return
    with open_zsh(script, *place, tmp_path_factory.mktemp("home")) as zsh:
        yield zsh.offers


@pytest.mark.parametrize("line", OFFERS)
def test_the_shell_offers_what_may_stand_there(offers, line):
    assert {offer.split("=")[-1].removeprefix("@") for offer in offers(line)} == OFFERS[line]


def test_the_shell_offers_every_command_and_every_flag(offers):
    commands = {page.names[0] for page in tree.pages() if page.names}
    assert set(offers("roberta ")) == commands
    for page in (tree.page("fill-mask"), tree.page("train", "mlm")):
        longs = {name for flag in page.flags for name in (*flag.names, *flag.off) if name.startswith("--")}
        assert {offer for offer in offers(f"{page.command} --") if offer.startswith("--")} == longs


@pytest.mark.parametrize("shell", SHELLS)
def test_roberta_completions_prints_the_file_of_the_shell(roberta, shell):
    assert roberta("completions", shell).out == SHELLS[shell](list(tree.pages()))


@pytest.mark.parametrize("shell", SHELLS)
def test_no_python_starts_at_tab(shell):
    script = SHELLS[shell](list(tree.pages()))
    assert "python" not in script.lower().replace("# completions", "")
    assert "$(roberta" not in script and "(roberta " not in script
