"""The judge: asks a submission's functions for values, compares, and gives the points.

It runs no line of a submission.

`python -m tools.grading.judge` takes one submission after the other over its standard input, a socket.
"""

from __future__ import annotations

import ast
import builtins
import copy
import html
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from nslab import practice
from nslab.practice import _check
from nslab.practice._run import Elsewhere, Outcome, Run
from tools.grading.answers import Answers, Ended, Limits, OutOfTime, Watch, adopt
from tools.grading.clock import TimeIsUp, limited
from tools.grading.notebook import Cell, Check, plan
from tools.grading.wire import MOST_JOB, MOST_TEXT, Channel, Closed, Nonsense, decode, encode_argument, text

MOST_PRINTED = 30_000  # characters of a cell; the process keeps fewer, unless the submission has changed it
VERDICT_SECONDS = 60  # for one check cell; what takes longer is an answer made to take long


class Remote(Elsewhere):
    """A function of the submission: to call it is to ask."""

    def __init__(self, answers: Answers, name: str, own_name: str) -> None:
        self.answers, self.name, self.__name__ = answers, name, own_name

    def __call__(self, *args: Any) -> Any:
        (outcome,) = self.run([args], self.answers.limits.cell_seconds).outcomes
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def run(self, inputs: Sequence[tuple[Any, ...]], seconds: float) -> Run:
        """One call after the other. A process that ends, or writes nonsense, has answered no further call."""
        seconds = min(seconds, self.answers.limits.cell_seconds)
        outcomes: list[Outcome] = []
        moved = False
        watch = Watch(1.2 * seconds + 1)
        try:
            for args in inputs:
                given = copy.deepcopy(args)
                order = {"call": self.name, "args": [encode_argument(arg) for arg in given]}
                answer = self.answers.ask(order, max(0.1, seconds - watch.used()), watch)
                if answer.get("late"):
                    break
                outcomes.append(_outcome(answer, given))
                moved = moved or answer.get("changed_random_state") is True
        except Ended as reason:
            if watch.used() < seconds:
                outcomes += [Outcome(error=RuntimeError(str(reason)))] * (len(inputs) - len(outcomes))
        finally:
            self.answers.spend(watch)
        return Run(tuple(outcomes), moved, abandoned=False)


def _outcome(answer: dict[str, Any], given: tuple[Any, ...]) -> Outcome:
    """A call's outcome, read from plain data."""
    try:
        for i in answer.get("drawn", ()):
            if isinstance(given[i], np.random.Generator):
                given[i].random()
        changed = answer.get("changed_input") is True
        if "error" in answer:
            error, line = _error(**answer["error"])
            return Outcome(None, error, changed, line)
        return Outcome(decode(answer["value"]), None, changed)
    except (Nonsense, LookupError, TypeError, ValueError):
        return Outcome(error=RuntimeError("the answer could not be read"))


def _error(
    kinds: list[str], message: str, line: list[Any] | None
) -> tuple[BaseException, tuple[str, int, str] | None]:
    """An error of the same name and message, of the nearest class that Python itself knows."""
    known = (getattr(builtins, kind, None) for kind in map(text, kinds))
    base = next((kind for kind in known if isinstance(kind, type) and issubclass(kind, Exception)), Exception)
    shown = text(message)[:MOST_TEXT]
    namespace = {"__init__": lambda self: None, "__str__": lambda self: shown}
    error = type(text(kinds[0])[:80], (base,), namespace)
    where = None if line is None else (text(line[0])[:80], int(line[1]), text(line[2])[:200])
    return error.__new__(error), where


def asked(check: Check, answers: Answers) -> tuple[float, str]:
    """The points of a check cell of the solution, and its card.

    It runs here, on names that stand for the submission's.
    """
    try:
        with limited(VERDICT_SECONDS):
            return _verdict(check, answers)
    except OutOfTime:
        raise
    except (Exception, TimeIsUp) as trouble:  # a name that is not there, an answer that upsets a comparison
        return 0.0, f"<pre>{html.escape(f'{type(trouble).__name__}: {trouble}'[:1000])}</pre>"


def _verdict(check: Check, answers: Answers) -> tuple[float, str]:
    """The same while time is limited, the card's picture included, which is drawn when the card is made."""
    try:
        value = _run(check.source, {"practice": practice, **_names(check.source, answers)})
    except practice.CheckError as failed:
        return 0.0, failed.args[0]._repr_html_()
    return check.points, value._repr_html_() if isinstance(value, practice.Result) else ""


def _names(source: str, answers: Answers) -> dict[str, Any]:
    """What the submission has under the names that a cell uses."""
    used = {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
    found: dict[str, Any] = {}
    for name in sorted(used - {"practice"} - vars(builtins).keys()):
        answer = answers.ask({"name": name}, answers.limits.cell_seconds)
        if "function" in answer:
            found[name] = Remote(answers, name, text(answer["function"])[:80])
        elif "value" in answer:
            found[name] = decode(answer["value"])
    return found


def _run(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; returns what its last line gives, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<check>", "exec"), names)
    return (
        eval(compile(ast.Expression(last.value), "<check>", "eval"), names)
        if isinstance(last, ast.Expr)
        else None
    )


def judged(
    cells: list[Cell], wanted: list[Check], *, seed: int, limits: Limits, boxed: bool
) -> dict[str, Any]:
    """The points of each question, the steps for the feedback, and a note of what went wrong."""
    os.environ |= {"NSLAB_SEED": str(seed), "NSLAB_STRICT": "1", "NSLAB_PROGRESS": ""}
    _check._latest.clear()
    points = {check.grade_id: 0.0 for check in wanted}
    steps: list[dict[str, str]] = []
    with Answers(limits, boxed) as answers, suppress(OutOfTime):
        for step in plan(cells, wanted):
            if isinstance(step, Check):
                points[step.grade_id], card = asked(step, answers)
                steps.append({"check": step.grade_id, "card": card})
            else:
                steps.append({"cell": step.source, "printed": _printed(step, answers)})
    return {"points": points, "steps": steps, "note": "; ".join(dict.fromkeys(answers.troubles))}


def _printed(cell: Cell, answers: Answers) -> str:
    """What a cell printed, or why it printed nothing."""
    try:
        return text(answers.cell(cell.source)["printed"])[:MOST_PRINTED]
    except (Ended, Nonsense, LookupError) as trouble:
        return f"{type(trouble).__name__}: {trouble}"


def main() -> None:
    channel = Channel(socket.socket(fileno=os.dup(0)), most=MOST_JOB)
    adopt()
    with suppress(Closed):
        while True:
            job = channel.receive()
            cells, wanted = (
                [Cell(**cell) for cell in job["cells"]],
                [Check(**check) for check in job["checks"]],
            )
            limits = Limits(**job["limits"])
            channel.send(judged(cells, wanted, seed=job["seed"], limits=limits, boxed=job["boxed"]))


if __name__ == "__main__":
    main()
