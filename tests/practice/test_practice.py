"""Practice: every mistake is refused by name, and every right style passes.

Nothing that a learner writes stops Run All.
"""

from __future__ import annotations

import json
import math
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from answers import named
from nbclient import NotebookClient

from nslab import practice
from nslab.practice import _check, _fold, _help, _predict, _run
from nslab.practice._exercise import Mutant, Question, load
from nslab.practice._judge import outcomes_of, prepared, wrong_cases
from nslab.practice.checks._05_entropy_temperature import right_entropy, right_slope
from tools.exercises import build

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = sorted(path.name[:2] for path in (ROOT / "solutions").glob("*.ipynb"))
QUESTIONS = [(number, question) for number in NUMBERS for question in load(number).questions]
MUTANTS = [(number, question, mutant) for number, question in QUESTIONS for mutant in question.mutants]
FIVE = np.array([0.9, 0.5, 0.3, 0.0, -0.4])


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NSLAB_STRICT", raising=False)
    for memory in (_check._latest, _help._shown, _predict._scores):
        memory.clear()


def check(name: str, fn: Callable[..., Any], **options: Any) -> practice.Result:
    return practice.check("05", named(name, fn), **options)


# The specification itself


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("number", "question"), QUESTIONS, ids=lambda value: getattr(value, "name", value))
def test_specification_and_library_agree(number: str, question: Question, seed: int) -> None:
    if question.library is None:
        return
    cases, truth = prepared(question, seed)
    own = outcomes_of(question, question.library, cases)
    wrong = wrong_cases(question, cases, own, truth)
    assert [(cases[i].args, own[i]) for i in wrong] == []


# Mistakes


def test_each_exercise_names_enough_mistakes() -> None:
    for number in NUMBERS:
        assert len({(q.name, m.name) for n, q, m in MUTANTS if n == number}) >= 5


@pytest.mark.parametrize(
    ("number", "question", "mutant"), MUTANTS, ids=lambda value: getattr(value, "name", value)
)
def test_every_mutant_is_refused_by_name(number: str, question: Question, mutant: Mutant) -> None:
    others = [other.diagnosis for other in question.mutants if other.name != mutant.name]
    for seed in (0, 1):
        result = practice.check(number, named(question.name, mutant.wrong), seed=seed)
        message = result.message
        assert result.status in ("failed", "raised")
        assert result.mistake == mutant.name
        assert mutant.diagnosis in message
        assert f"{question.name}(" in message and "expected" in message and "you got" in message
        assert not any(other in message for other in others)


# What a learner's code may do


def stub_none(s: Any, tau: float, base: float = math.e) -> None:
    """A docstring and nothing else."""


def stub_raises(s: Any, tau: float, base: float = math.e) -> None:
    # YOUR CODE HERE
    raise NotImplementedError()


def stub_dots(s: Any, tau: float, base: float = math.e) -> None: ...


@pytest.mark.parametrize("stub", (stub_none, stub_raises, stub_dots))
def test_a_stub_is_not_attempted(stub: Callable[..., Any]) -> None:
    result = check("entropy", stub)
    assert (result.status, result.mistake) == ("not attempted", None)
    assert "entropy(s, tau, base=math.e)" in result.message


def refusing(s: Any, tau: float, base: float = math.e) -> float:
    if base == 10:
        raise ValueError("no such base")
    return right_entropy(s, tau, base)


def refusing_in_one_line(s: Any, tau: float, base: float = math.e) -> float:
    if base == 10: raise ValueError("no such base")  # fmt: skip  # noqa: E701
    return right_entropy(s, tau, base)


@pytest.mark.parametrize("fn", (refusing, refusing_in_one_line))
def test_refusing_what_has_an_answer_is_no_error_of_the_code(fn: Callable[..., Any]) -> None:
    result = check("entropy", fn)
    assert (result.status, result.mistake) == ("failed", "refused")
    assert "Your code raised" not in result.message and result.args is not None
    with pytest.raises(ValueError, match="no such base"):
        fn(*result.args)


def test_another_error_than_the_one_asked_for_is_named() -> None:
    def tau_for_effective(s: Any, n_eff: float) -> Any:
        try:
            return load("05").questions[2].truth(s, n_eff)
        except ValueError:
            raise KeyError(n_eff) from None

    assert practice.check("05", tau_for_effective, seconds=120).mistake == "another error"


def test_what_is_a_few_percent_off_is_called_nearly_right() -> None:
    def dH_dtau(s: Any, tau: float) -> float:
        return 1.02 * load("05").questions[1].truth(s, tau)

    assert practice.check("05", dH_dtau, seconds=120).mistake == "nearly right"


def test_a_large_input_is_not_drawn() -> None:
    build = load("09").questions[1]

    def build_alias(w: Any) -> Any:
        prob, alias = build.truth(w)
        return (prob if len(w) < 1000 else 0.999 * prob), alias

    result = practice.check("09", build_alias, seconds=120)
    assert result.status == "failed" and "image/png" not in result._repr_html_()
    assert result.args is not None and len(result.args[0]) == 40_000


def test_an_error_shows_the_learners_own_line() -> None:
    def inner(s: Any) -> Any:
        return np.concatenate(s, 3)  # the line to show

    def entropy(s: Any, tau: float, base: float = math.e) -> Any:
        return inner(s) / tau

    result = practice.check("05", entropy)
    assert (result.status, result.mistake) == ("raised", None)
    assert "return np.concatenate(s, 3)  # the line to show" in result.message
    assert "in `inner`" in result.message


@pytest.mark.parametrize("value", ("text", [1, [2, 3]], {"a": 1}, np.zeros((2, 2)), object(), 1j, {1, 2}))
@pytest.mark.parametrize(("number", "question"), QUESTIONS, ids=lambda value: getattr(value, "name", value))
def test_whatever_comes_back_there_is_a_card(number: str, question: Question, value: Any) -> None:
    result = practice.check(number, named(question.name, lambda *args, **options: value))
    assert result.status == "failed", result


def test_a_nan_in_the_input_is_no_change_of_it() -> None:
    given = (np.array([1.0, math.nan]),)
    assert not _run.call(np.sum, given).changed_input
    assert not _run.call(abs, (math.nan,)).changed_input
    assert _run.call(lambda x: x.sort(), (np.array([2.0, 1.0]),)).changed_input


def test_an_error_in_compiled_code_shows_the_line_that_called_it() -> None:
    def entropy(s: Any, tau: float, base: float = math.e) -> Any:
        return np.random.default_rng(0).choice(0)

    message = check("entropy", entropy).message
    assert "in `entropy`" in message and "return np.random.default_rng(0).choice(0)" in message


def test_a_wrong_signature_and_sys_exit_are_cards_too() -> None:
    few = check("entropy", lambda s: 1.0)
    assert few.status == "raised" and "entropy(s, tau, base=math.e)" in few.message
    leaves = check("entropy", lambda s, tau, base=math.e: sys.exit(3))
    assert leaves.status == "raised" and "SystemExit" in leaves.message


@pytest.mark.parametrize("value", (None, 3.5, np.zeros(3), named("entropi", right_entropy), ...))
def test_what_is_not_the_asked_function_is_told_so(value: Any) -> None:
    result = practice.check("05", value)
    assert result.status == "failed"
    assert "`tau_for_effective`" in result.message


def test_an_unknown_exercise_is_an_error_that_names_it() -> None:
    with pytest.raises(ValueError, match=r"number must be one of .*'05'.*got '77'"):
        practice.check("77", right_entropy)


def endless(s: Any, tau: float, base: float = math.e) -> float:
    while True:
        pass


def stubborn(s: Any, tau: float, base: float = math.e) -> float:
    tries = 0
    while tries < 5:
        try:
            while True:
                pass
        except:  # noqa: E722
            tries += 1
    raise KeyboardInterrupt


@pytest.mark.parametrize("fn", (endless, stubborn))
@pytest.mark.parametrize("elsewhere", (False, True))
def test_an_endless_loop_is_stopped_in_any_thread(fn: Callable[..., Any], elsewhere: bool) -> None:
    results: list[practice.Result] = []
    before = threading.active_count()
    if elsewhere:
        thread = threading.Thread(target=lambda: results.append(check("entropy", fn, seconds=0.2)))
        thread.start()
        thread.join()
    else:
        results.append(check("entropy", fn, seconds=0.2))
    assert (results[0].status, results[0].mistake) == ("failed", "still running")
    assert "still running after 0.2 seconds" in results[0].message
    assert "entropy([0.3], 0.1)" in results[0].message
    assert threading.active_count() == before


def test_a_call_that_cannot_be_interrupted_is_left_behind_and_said() -> None:
    result = check("entropy", lambda s, tau, base=math.e: time.sleep(4), seconds=0.1)
    assert result.mistake == "still running"
    assert "restart the kernel" in result.message


def changes_input(s: Any, tau: float, base: float = math.e) -> Any:
    s -= s.max()
    return right_entropy(s, tau, base)


def uses_numpy_state(s: Any, tau: float, base: float = math.e) -> Any:
    np.random.rand()
    return right_entropy(s, tau, base)


def uses_torch_state(s: Any, tau: float, base: float = math.e) -> Any:
    torch.manual_seed(3)
    return right_entropy(s, tau, base)


def uses_python_state(s: Any, tau: float, base: float = math.e) -> Any:
    random.random()
    return right_entropy(s, tau, base)


@pytest.mark.parametrize(
    ("name", "fn", "mistake"),
    [
        ("entropy", changes_input, "changes its input"),
        ("entropy", uses_numpy_state, "global random state"),
        ("entropy", uses_torch_state, "global random state"),
        ("entropy", uses_python_state, "global random state"),
    ],
)
def test_right_numbers_with_a_side_effect_are_refused(
    name: str, fn: Callable[..., Any], mistake: str
) -> None:
    torch_state, numpy_state, python_state = (
        torch.get_rng_state(),
        np.random.get_state()[1],
        random.getstate(),
    )
    result = check(name, fn)
    assert (result.status, result.mistake) == ("failed", mistake)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert random.getstate() == python_state


def test_strict_raises_unless_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NSLAB_STRICT", "1")
    assert check("entropy", right_entropy).status == "passed"
    for fn in (stub_none, endless, lambda s, tau, base=math.e: math.nan):
        with pytest.raises(practice.CheckError):
            check("entropy", fn, seconds=0.5)


def test_cards_are_the_same_on_every_run_and_escape_what_they_show() -> None:
    def entropy(s: Any, tau: float, base: float = math.e) -> Any:
        raise RuntimeError("<script>&")

    first, second = practice.check("05", entropy), practice.check("05", entropy)
    assert repr(first) == repr(second) and first._repr_html_() == second._repr_html_()
    assert "<script>" not in first._repr_html_() and "&lt;script&gt;&amp;" in first._repr_html_()
    assert "<img" not in first._repr_html_() and "0x" not in repr(first)


@pytest.mark.parametrize(
    ("expected", "got", "shown"),
    [
        (np.zeros((2, 9)), np.eye(2, 9, 8), ("at [0, 8]: 0", "at [0, 8]: 1")),
        (np.zeros(9), np.array([0] * 8 + [math.nan]), ("at [8]: 0", "at [8]: nan")),
        (np.array([1.0, 2.0]), np.array([1.0, 3.0]), ("[1, 2]", "[1, 3]")),
    ],
)
def test_a_card_shows_where_long_arrays_differ(
    expected: np.ndarray, got: np.ndarray, shown: tuple[str, str]
) -> None:
    assert _check._side_by_side(*(_run.Outcome(value) for value in (expected, got))) == shown


def test_passed_wants_every_function_but_no_stretch() -> None:
    check("entropy", right_entropy)
    check("dH_dtau", right_slope)
    assert not practice.passed("05")
    check("tau_for_effective", load("05").question("tau_for_effective").truth)
    assert practice.passed("05")
    check("entropy", stub_none)
    assert not practice.passed("05")
    assert practice.passed("05", "dH_dtau") and not practice.passed("05", "entropy")
    with pytest.raises(ValueError, match=r"function must be one of 'entropy'.*got 'slope'"):
        practice.passed("05", "slope")


# Hints and solutions


def solution_lines(number: str) -> list[str]:
    (path,) = (ROOT / "solutions").glob(f"{number}_*.ipynb")
    sources = ["".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]]
    regions = [
        source.split("### BEGIN SOLUTION")[1].split("### END SOLUTION")[0]
        for source in sources
        if "### BEGIN SOLUTION" in source
    ]
    return [line.strip() for region in regions for line in region.splitlines() if line.strip()]


def squeezed(text: str) -> str:
    return "".join(text.lower().split())


@pytest.mark.parametrize(("number", "question"), QUESTIONS, ids=lambda value: getattr(value, "name", value))
def test_hints_never_print_the_answer(number: str, question: Question) -> None:
    formulas = ("Var_p(s)/τ³", "var/tau**3", "lnZ−", "logZ-", "-Σpln", "−Σp", "tanh", "2.399")
    for text in question.hints:
        for line in solution_lines(number):
            right_side = squeezed(line.split("=", 1)[-1] if "=" in line else line.removeprefix("return "))
            assert len(right_side) < 5 or right_side not in squeezed(text), (line, text)
        assert not any(squeezed(formula) in squeezed(text) for formula in formulas)


def test_hints_come_one_at_a_time_for_the_first_open_function() -> None:
    entropy, slope = load("05").questions[:2]
    for step in (0, 1, 2, 2):
        text = repr(practice.hint("05"))
        assert [hint in text for hint in entropy.hints] == [i == step for i in range(3)]
    check("entropy", right_entropy)
    assert slope.hints[0] in repr(practice.hint("05"))
    assert slope.hints[1] in repr(practice.hint("05", "dH_dtau"))
    with pytest.raises(ValueError, match=r"function must be one of entropy.*got 'entropi'"):
        practice.hint("05", "entropi")


def test_solution_shows_code_that_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "exercises")  # where a notebook's kernel runs
    card = practice.solution("05")
    (code,) = card.parts
    assert "SOLUTION" not in repr(card)
    namespace: dict[str, Any] = {"math": math, "np": np}
    exec(code.text, namespace)  # type: ignore[union-attr]
    for question in load("05").questions:
        assert practice.check("05", namespace[question.name]).status == "passed"


def test_without_a_clone_solution_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=rf"solutions/05_.*{tmp_path.name}.*clone of the repository"):
        practice.solution("05")


# Predictions

ASKED = ("Does H see hardness?", {"a": "yes", "b": "no", "c": "only below τ = 0.1"})
WHY = {"a": "Add 1 to all scores: H stays.", "b": "It is shift invariant.", "c": "At no τ."}


def test_a_prediction_reads_well_without_a_browser_and_keeps_the_answer() -> None:
    asked = practice.predict(*ASKED, answer="b", why=WHY)
    bundle = asked._repr_mimebundle_()
    assert bundle is not None
    data = bundle[0]
    assert "application/vnd.jupyter.widget-view+json" in data
    assert data["text/plain"] == "Does H see hardness?\n  a  yes\n  b  no\n  c  only below τ = 0.1"
    state = json.dumps(
        {key: value for key, value in asked.get_state().items() if key not in ("_esm", "_css")}, default=str
    )
    for text in WHY.values():
        assert text not in data["text/plain"] + data["text/html"] + state
    assert "nslab-predict" in (ROOT / "nslab/practice/predict.js").read_text()


def test_reveal_scores_the_choice_and_explains_it() -> None:
    asked = practice.predict(*ASKED)
    unmade = asked.reveal("b", WHY)
    assert (
        not asked.revealed
        and "no prediction" in repr(unmade)
        and all(text in repr(unmade) for text in WHY.values())
    )
    open_page, folded = unmade._repr_html_().split("<details>")
    assert not any(text in open_page for text in [*WHY.values(), "✓"])
    assert all(text in folded for text in [*WHY.values(), "b ✓", "a ✗"])
    asked.choice = "c"
    wrong = repr(asked.reveal("b", WHY))
    assert WHY["c"] in wrong and WHY["b"] in wrong and WHY["a"] not in wrong
    assert "0 of 1 predictions right" in wrong and asked.revealed
    other = practice.predict(
        "Another?", {"a": "yes", "b": "no"}, "a", {"a": "So it is.", "b": "No."}, choice="a"
    )
    assert "that is right" in repr(other.reveal()) and "1 of 2 predictions right" in repr(other.reveal())


def test_bad_predictions_are_refused() -> None:
    with pytest.raises(ValueError, match="options must hold at least two"):
        practice.predict("?", {"a": "only"})
    with pytest.raises(ValueError, match="answer must be one of 'a', 'b', 'c', got 'd'"):
        practice.predict(*ASKED, answer="d")
    with pytest.raises(ValueError, match="why must explain each of 'a', 'b', 'c', got 'a'"):
        practice.predict(*ASKED, answer="a", why={"a": "so"})
    with pytest.raises(ValueError, match="choice must be one of 'a', 'b', 'c', got 'z'"):
        practice.predict(*ASKED, choice="z")
    with pytest.raises(ValueError, match="answer must be one of 'a', 'b', 'c', got None"):
        practice.predict(*ASKED).reveal()


# Exercises made from solutions


def test_exercises_are_up_to_date() -> None:
    assert build.drift() == []
    assert build.main(["--check"]) == 0


def test_drift_is_seen(tmp_path: Path) -> None:
    for folder in ("solutions", "exercises"):
        (tmp_path / folder).mkdir()
        for path in (ROOT / folder).glob("05*.ipynb"):
            (tmp_path / folder / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    assert build.drift(tmp_path) == []
    (path,) = (tmp_path / "exercises").glob("*.ipynb")
    path.write_text(path.read_text(encoding="utf-8").replace("Exercise 05", "Exercise 5"), encoding="utf-8")
    assert build.drift(tmp_path) == [f"{path.name}: differs"]
    path.rename(path.with_name("99_left_over.ipynb"))
    assert build.drift(tmp_path) == [f"{path.name}: missing", "99_left_over.ipynb: has no solution notebook"]
    build.build(tmp_path)
    assert build.drift(tmp_path) == ["99_left_over.ipynb: has no solution notebook"]


EXERCISES = sorted((ROOT / "exercises").glob("*.ipynb"))


@pytest.fixture(scope="module")
def unsolved() -> dict[str, Any]:
    """Every exercise as it is handed out, run in one kernel.

    It imports torch once, and forgets all names in between.
    """
    notebooks = {path.stem: nbformat.read(path, as_version=4) for path in EXERCISES}
    assert not [cell for notebook in notebooks.values() for cell in notebook.cells if cell.get("outputs")]
    whole = nbformat.v4.new_notebook()
    for notebook in notebooks.values():
        whole.cells += [*notebook.cells, nbformat.v4.new_code_cell("%reset -f")]
    where = {"metadata": {"path": str(ROOT / "exercises")}}
    NotebookClient(whole, kernel_name="python3", timeout=60, allow_errors=True, resources=where).execute()
    return notebooks


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_an_exercise_runs_unsolved_and_says_not_attempted(path: Path, unsolved: dict[str, Any]) -> None:
    notebook = unsolved[path.stem]
    assert "SOLUTION" not in path.read_text(encoding="utf-8")
    checks = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.source.startswith("practice.check(")
    ]
    assert len(checks) == len(load(path.name[:2]).questions)
    assert all("Not attempted yet" in cell.outputs[0].data["text/plain"] for cell in checks)
    assert all(cell.metadata.nbgrader.locked and cell.metadata.editable is False for cell in checks)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
    assert not [out for out in outputs if out.output_type == "error" or out.get("name") == "stderr"]


# Folds


def test_a_fold_shows_what_was_printed_before_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), practice.fold("Twice the steps"):
        print("step 1")
        print(1 / 0)
    assert capsys.readouterr().out == "Twice the steps\nstep 1\n"


def test_a_fold_is_closed_and_shows_its_text_to_the_letter() -> None:
    html = _fold.Fold("a < b", "<b>1</b>")._repr_html_()
    assert html.startswith("<details class=") and "<details open" not in html
    assert "<summary>a &lt; b</summary>" in html and "&lt;b&gt;1&lt;/b&gt;" in html
