"""Values read by hand are those that Typer would read."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer._click.exceptions import BadParameter
from typer.core import TyperCommand

from roberta_cli.values import ReadsByHand


class Colour(StrEnum):
    red = "red"
    blue = "blue"


class ByHand(ReadsByHand, TyperCommand):
    pass


def parse(cls: type, args: list[str]) -> dict:
    app = typer.Typer(add_completion=False)

    @app.command(cls=cls)
    def command(
        texts: Annotated[list[str] | None, typer.Argument()] = None,
        count: Annotated[int | None, typer.Option(min=1, max=9)] = None,
        share: Annotated[float, typer.Option()] = 0.5,
        files: Annotated[list[Path] | None, typer.Option("--file")] = None,
        colour: Annotated[Colour | None, typer.Option(envvar="TEST_COLOUR")] = None,
        loud: Annotated[bool, typer.Option("--loud", envvar="TEST_LOUD")] = False,
    ) -> None: ...

    return typer.main.get_command(app).make_context("x", list(args)).params


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["a", "b", "--count", "3", "--share", "1e-3", "--file", "x", "--file", "y", "--colour", "red", "--loud"],
        ["--count=9", "--", "-dash"],
    ],
)
def test_every_kind_of_value_is_as_typer_reads_it(args):
    theirs, ours = parse(TyperCommand, args), parse(ByHand, args)
    assert {name: value or None for name, value in ours.items()} == {
        name: list(value) or None if isinstance(value, tuple) else value or None for name, value in theirs.items()
    }


def read_count(cls: type, text: str) -> int | None:
    try:
        return parse(cls, [f"--count={text}"])["count"]
    except BadParameter:
        return None


@settings(deadline=None)  # the first example imports pydantic
@given(st.integers(-20, 20))
def test_whole_numbers_are_taken_and_refused_as_typer_does(number):
    assert read_count(ByHand, str(number)) == read_count(TyperCommand, str(number))


@settings(deadline=None)  # the first example imports pydantic
@given(st.text("0123456789-+._ e", max_size=5))
def test_no_spelling_is_taken_for_another_number_than_typer_takes_it_for(text):
    found = read_count(ByHand, text)  # stricter in one case: 1.0 is no whole number here
    assert found in (None, read_count(TyperCommand, text))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--count", "x"], "'x' is not a whole number"),
        (["--count", "0"], "0 is below 1, the least there is"),
        (["--count", "10"], "10 is above 9, the most there is"),
        (["--share", "half"], "'half' is not a number"),
        (["--colour", "green"], "'green' is not one of red, blue"),
    ],
)
def test_a_refused_value_says_what_is_wanted(args, message):
    with pytest.raises(BadParameter) as caught:
        parse(ByHand, args)
    assert caught.value.message == message


def test_environment_variables_count_as_flags(monkeypatch):
    monkeypatch.setenv("TEST_COLOUR", "blue")
    monkeypatch.setenv("TEST_LOUD", "yes")
    found = parse(ByHand, [])
    assert found["colour"] is Colour.blue and found["loud"] is True
    monkeypatch.setenv("TEST_LOUD", "perhaps")
    with pytest.raises(BadParameter, match="'perhaps' is not yes or no"):
        parse(ByHand, [])
