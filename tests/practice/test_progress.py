"""Progress is kept in one local file, and a counterexample may come as numbers of its own and as a figure."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pytest
from answers import named
from matplotlib.figure import Figure

from nslab import practice
from nslab.practice import _check, _exercise
from nslab.practice._cards import Card, Picture
from nslab.practice._exercise import Case, Exercise, Mutant, Question


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NSLAB_STRICT", raising=False)
    monkeypatch.setenv("NSLAB_PROGRESS", str(tmp_path / "mine.json"))
    return tmp_path / "mine.json"


def right(tau: float) -> float:
    return 2.3993572805 * tau


def wrong(tau: float) -> float:
    return 2.3993572805


def steepest_gap(fn: Any) -> Any:
    return named("steepest_gap", fn)


def row_05() -> str:
    return next(line for line in repr(practice.progress()).splitlines() if line.strip().startswith("05"))


def test_what_has_passed_stays_passed_and_deleting_the_file_starts_again(file: Path) -> None:
    assert "not started" in row_05() and not file.exists()
    practice.check("05", steepest_gap(wrong))
    assert "0 of 3 passed" in row_05() and "stretch" not in row_05()
    practice.check("05", steepest_gap(right))
    practice.check("05", steepest_gap(wrong))
    assert json.loads(file.read_text()) == {"05": {"steepest_gap": "passed"}}
    assert "stretch goal ✓" in row_05()
    assert [path.name for path in file.parent.iterdir()] == ["mine.json"]
    file.unlink()
    assert "not started" in row_05()


def test_a_stub_leaves_no_trace(file: Path) -> None:
    def stub(tau: float) -> float:
        raise NotImplementedError

    practice.check("05", steepest_gap(stub))
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"05": 3}', "null"])
def test_a_broken_file_counts_as_empty_and_is_written_anew(file: Path, text: str) -> None:
    file.write_text(text)
    assert "not started" in row_05()
    practice.check("05", steepest_gap(right))
    assert json.loads(file.read_text()) == {"05": {"steepest_gap": "passed"}}


def test_a_place_that_cannot_be_written_stops_nobody(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("{}")
    monkeypatch.setenv("NSLAB_PROGRESS", str(file / "below" / "a" / "file"))
    assert practice.check("05", steepest_gap(right)).status == "passed"


def test_nothing_is_kept_while_a_grader_runs_or_where_it_is_switched_off(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    practice.check("05", steepest_gap(right))
    with pytest.raises(practice.CheckError):
        practice.check("05", steepest_gap(wrong))
    assert not file.exists()
    monkeypatch.delenv("NBGRADER_EXECUTION")
    monkeypatch.setenv("NSLAB_PROGRESS", "")
    practice.check("05", steepest_gap(right))
    assert not file.exists() and "Nothing is kept" in repr(practice.progress())


def test_the_hidden_seed_is_the_graders_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert practice.hidden_seed() == 1
    monkeypatch.setenv("NSLAB_SEED", "271")
    assert practice.hidden_seed() == 271


# A question with many right answers


def draw(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    return rng.integers(n, size=k)


def measure(args: tuple[Any, ...], value: Any) -> dict[str, Any]:
    ids = np.asarray(value)
    if ids.ndim != 1:
        raise ValueError(f"one axis is asked for, got shape {ids.shape}")
    return {"drawn": len(ids), "out of range": int(((ids < 0) | (ids >= args[0])).sum())}


def picture(args: tuple[Any, ...], value: Any) -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.suptitle(f"{len(value)} draws")
    return figure


QUESTION = Question(
    "draw(n, k, rng)",
    draw,
    None,
    "",
    lambda seed: [Case((n, 3, np.random.default_rng(seed)), atol=0) for n in (2, 5)],
    (Mutant("one short", lambda n, k, rng: rng.integers(n, size=k - 1), "You drew one too few."),),
    ("first", "second", "third"),
    measure=measure,
    picture=picture,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    exercise = Exercise("99", "toy", (QUESTION,))
    monkeypatch.setattr(_check, "load", lambda number: exercise)
    monkeypatch.setattr(_exercise, "load", lambda number: exercise)
    monkeypatch.setenv("NSLAB_PROGRESS", "")


def answer(fn: Any) -> practice.Result:
    fn.__name__ = "draw"
    return practice.check("99", fn)


@pytest.mark.usefixtures("toy")
def test_another_sample_is_as_right_as_the_specifications() -> None:
    assert answer(lambda n, k, rng: (rng.random(k) * n).astype(int)).status == "passed"
    assert answer(lambda n, k, rng: [int(rng.integers(n)) for _ in range(k)]).status == "passed"


@pytest.mark.usefixtures("toy")
def test_a_wrong_sample_is_named_shown_in_numbers_and_drawn() -> None:
    result = answer(lambda n, k, rng: (rng.random(k - 1) * n).astype(int))
    assert (result.status, result.mistake) == ("failed", "one short")
    assert "draw(2, 3, rng)" in result.message
    assert "expected  drawn 3\n" in result.message and "you got   drawn 2\n" in result.message  # what differs
    assert "[2 draws]" in result.message and 'src="data:image/png;base64,' in result._repr_html_()


@pytest.mark.parametrize("drawable", (True, False))
def test_a_picture_is_drawn_once_and_only_where_it_is_shown(drawable: bool) -> None:
    drawn = []

    def draw() -> Figure:
        drawn.append("once")
        if not drawable:
            raise ValueError("no form that can be drawn")
        figure = Figure()
        figure.suptitle("two <draws>")
        return figure

    card = Card("trouble", "Not right yet", ("before", Picture(draw, Lock()), "after"))
    assert drawn == []
    assert card.text == ("before\n[two <draws>]\nafter" if drawable else "before\nafter")
    page = card._repr_html_()
    assert page == card._repr_html_() and drawn == ["once"]
    assert ('src="data:image/png;base64,' in page) == ('alt="two &lt;draws&gt;"' in page) == drawable


@pytest.mark.usefixtures("toy")
def test_what_cannot_be_read_is_said() -> None:
    result = answer(lambda n, k, rng: np.zeros((k, 1), dtype=int))
    assert (result.status, result.mistake) == ("failed", "not readable")
    assert "one axis is asked for, got shape (3, 1)" in result.message
    assert "something else" in result.message
