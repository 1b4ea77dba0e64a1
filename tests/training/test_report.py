import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roberta.training.checkpoint import State
from roberta.training.curves import curve, shown, thinned, ticks
from roberta.training.loop import Trainer
from roberta.training.report import page, table
from roberta.training.run import train
from roberta.training.settings import Settings
from tests.training.toy import Toy

HOSTILE = '<script>alert("x")</script>'
STATE = State(
    step=20,
    best_step=20,
    best=0.9,
    scores={"accuracy": 0.9, "records": 50},
    identity={"lr": 0.01, "seed": 0, "dev": None, "whole_words": False, "note": HOSTILE},
    tables={"Confusion": {"columns": ["true", HOSTILE, "good"], "rows": [[HOSTILE, 3, 1], ["good", 0, 6]]}},
)
LINES = [
    {"step": 10, "tokens": 100, "loss": 2.0, "lr": 0.01, "norm": 1.0, "speed": 50.0},
    {"step": 10, "tokens": 100, "dev": {"accuracy": 0.5, "records": 50}},
    {"step": 20, "tokens": 200, "loss": 1.0, "lr": 0.0, "norm": None, "speed": 50.0},
    {"step": 20, "tokens": 200, "dev": {"accuracy": 0.9, "records": 50}},
]


class Elements(HTMLParser):
    """The tags of a page with their attributes, and whether each that opens closes in its place."""

    VOID = ("meta", "link", "img")  # in HTML; those of SVG close themselves

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else_and_nothing_in_it_runs():
    text = page("classify", HOSTILE, LINES, STATE)
    elements = Elements(text).found
    assert not {tag for tag, _ in elements} & {"script", "link", "img", "iframe", "object", "image", "use"}
    assert not [
        name for _, attributes in elements for name in attributes if name in ("src", "href") or name[:2] == "on"
    ]
    assert "url(" not in text
    assert "@import" not in text
    assert "http" not in text
    assert HOSTILE not in text


def test_the_page_is_made_for_telephones_and_the_dark():
    text = page("classify", "x", LINES, STATE)
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "prefers-color-scheme: dark" in text
    assert all(
        "viewBox" in attributes or "viewbox" in attributes for tag, attributes in Elements(text).found if tag == "svg"
    )


def test_the_page_has_the_curves_the_scores_and_the_settings():
    text = page("classify", "my-model", LINES, STATE)
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", text)
    assert captions == ["accuracy", "training loss", "learning rate", "gradient norm", "tokens per second"]
    assert 'class="best"' in text
    assert "<td>lr</td><td>0.01</td>" in text
    assert "<td>seed</td><td>0</td>" in text, "a zero is a setting"
    assert "<td>dev</td>" not in text
    assert "<td>10</td><td>0.5</td><td>50</td>" in text


def test_a_page_without_development_data_or_without_a_log_is_a_page():
    assert "Development data" not in page("mlm", "x", LINES[::2], State(step=20))
    Elements(page("mlm", "x", [], State()))


def test_a_confusion_matrix_is_shaded_by_the_share_of_each_row_and_its_diagonal_marked():
    text = table(["true", "bad", "good"], [["bad", 3, 1], ["good", 0, 6]])
    cells = re.findall(r"<td(.*?)>(.*?)</td>", text)
    shades = [(value, float(re.search(r"([\d.]+)\)", more)[1]), "right" in more) for more, value in cells if more]
    assert shades == [("3", 0.45, True), ("1", 0.15, False), ("0", 0.0, False), ("6", 0.6, True)]


def test_another_table_is_as_it_is():
    text = table(["label", "f1"], [["PER", 0.98765], ["LOC", None]])
    assert "style" not in text
    assert "<td>PER</td><td>0.9877</td>" in text
    assert "<td>LOC</td><td>none</td>" in text


def test_the_report_is_made_again_from_what_lies_in_the_folder(tmp_path):
    train(Toy([{"accuracy": 0.5, "error": 0.5}]), Settings(steps=4, save_every=2, batch_tokens=12), tmp_path)
    first = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Counts" in first
    (tmp_path / "report.html").unlink()
    train(
        Toy([{"accuracy": 0.5, "error": 0.5}]), Settings(steps=4, save_every=2, batch_tokens=12), tmp_path, resume=True
    )
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == first


# Curves

POINTS = st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1, max_size=50).map(sorted)


@given(POINTS)
def test_a_curve_is_well_formed_and_stays_in_its_frame(points):
    root = ElementTree.fromstring(curve(points, "a < b & c"))
    line = next(part for part in root if part.tag == "polyline").get("points")
    for pair in line.split(" "):
        across, down = map(float, pair.split(","))
        assert 60 <= across <= 628
        assert 12 <= down <= 210


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
@example(0.0, 5e-324)
@example(123456789.123456, 123456789.1234571)
def test_ticks_are_few_and_between(one, other):
    low, high = sorted((one, other))
    found = ticks(low, high)
    assert 1 <= len(found) <= 12
    assert found == sorted(found)
    slack = (high - low) * 1e-6
    assert low - slack <= found[0]
    assert found[-1] <= high + slack


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.13, 0.88, [0.2, 0.4, 0.6, 0.8]),
        (1, 250, [50, 100, 150, 200, 250]),
        (-3, 3, [-2, 0, 2]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == expected


def test_a_long_curve_is_thinned_to_means_and_keeps_its_ends():
    points = [(step, float(step % 2)) for step in range(10_000)]
    found = thinned(points, 100)
    assert len(found) == 100
    assert (found[0][0], found[-1][0]) == (0, 9999)
    assert all(value == 0.5 for _, value in found)


def test_numbers_that_are_none_leave_a_gap():
    text = curve([(1, 2.0), (2, float("nan")), (3, 4.0)], "x")
    assert len(re.search(r'points="(.*?)"', text)[1].split(" ")) == 2
    assert curve([(1, float("nan"))], "loss") == "<p>loss: no numbers.</p>"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (12000.0, "12,000"), (0.00041, "0.00041"), (3.14159, "3.142"), (-2.5, "-2.5"), (1e30, "1e+30")],
)
def test_numbers_are_short(number, text):
    assert shown(number) == text


def test_speeds_are_the_only_clock_in_a_report(tmp_path):
    """So that the reports of two runs can be compared."""
    pages = []
    for name in ("a", "b"):
        folder = tmp_path / name / "model"
        Trainer(Toy(), Settings(steps=3, batch_tokens=12), folder).run()
        train(Toy(), Settings(steps=3, batch_tokens=12), folder, resume=True)
        pages.append((folder / "report.html").read_text(encoding="utf-8").split("tokens per second")[0])
    assert pages[0] == pages[1]
