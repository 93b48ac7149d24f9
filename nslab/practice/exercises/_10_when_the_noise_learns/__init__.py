"""Exercise 10: when the noise learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import noise
from nslab.practice._exercise import Exercise, Question
from nslab.practice.exercises._10_when_the_noise_learns import (
    cases,
    mistakes,
    mistakes_gradient,
    mistakes_rest,
    mistakes_verdict,
)
from nslab.practice.exercises._10_when_the_noise_learns.cases import MODES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORDS = ("data", "elsewhere", "still", "away")
Vector = Sequence[float] | np.ndarray

# The specification: one state at a time, in the words of the task.


def nce_objective(f: Vector, pd: Vector, q: Vector, k: int) -> float:
    """J = Σ pd ln σ(G) + k Σ q ln σ(−G) with G = f − ln(k q)."""
    if min(q) <= 0:
        raise ValueError(f"q must be > 0 in every state, got {min(q)}")
    G = [fx - math.log(k * qx) for fx, qx in zip(f, q, strict=True)]
    as_data = math.fsum(p * _ln_sigmoid(g) for p, g in zip(pd, G, strict=True))
    as_noise = math.fsum(qx * _ln_sigmoid(-g) for qx, g in zip(q, G, strict=True))
    return as_data + k * as_noise


def nce_gradient(f: Vector, mode: str, pd: Vector, k: int, T: float, u: float = 0.0) -> np.ndarray:
    """dJ/df, by the chain rule along the paths that the mode leaves open."""
    if mode not in MODES:
        raise ValueError(f"mode must be one of {MODES}, got {mode!r}")
    N = len(f)
    p = _softmax([x / T for x in f])
    q = [1 / N if mode == "fixed" else u / N + (1 - u) * px for px in p]
    G = [fx if mode == "uncorrected" else fx - math.log(k * qx) for fx, qx in zip(f, q, strict=True)]
    by_G = [pd[x] * _sigmoid(-G[x]) - k * q[x] * _sigmoid(G[x]) for x in range(N)]
    gradient = list(by_G)
    for y in range(N):
        for x in range(N):
            slope = (1 - u) / T * p[x] * ((x == y) - p[y])  # dq(x)/df(y)
            if mode in ("logq_only", "full"):
                gradient[y] -= by_G[x] * slope / q[x]
            if mode in ("measure", "full"):
                gradient[y] += k * _ln_sigmoid(-G[x]) * slope
    return np.array(gradient)


def fixed_point(mode: str, T: float, pd: Vector, k: int, u: float = 0.0) -> np.ndarray:
    """Uphill from equal scores, until nothing moves."""
    f, share = np.full(len(pd), -math.log(len(pd))), np.asarray(pd)
    for _ in range(1000):
        direction = nce_gradient(f.tolist(), mode, share.tolist(), k, T, u) / share
        if max(abs(direction)) < 1e-9:
            return f
        f = f + 0.5 * direction
    raise ValueError(f"mode {mode!r} does not come to rest at T = {T}")


def verdict(mode: str, T: float) -> str:
    """Which way each mode goes, as the theory has it."""
    if mode in ("fixed", "stop") or (mode == "logq_only" and T > 1) or (mode == "measure" and T == 1):
        return "data"
    if mode in ("uncorrected", "measure") or (mode == "full" and T > 1):
        return "elsewhere"
    return "still" if T == 1 else "away"


def fit_family(X: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> np.ndarray:
    """The scores X θ at which Xᵀ dJ/df is zero, by Newton's method with a halved step where J would fall."""
    theta = np.zeros(X.shape[1])
    for _ in range(50):
        f = X @ theta
        up = np.array([_sigmoid(math.log(k * qx) - fx) for fx, qx in zip(f, q, strict=True)])
        slope = X.T @ (pd * up - k * q * (1 - up))
        bend = X.T @ (((pd + k * q) * up * (1 - up))[:, None] * X)
        step = np.linalg.solve(bend, slope)
        while nce_objective(X @ (theta + step), pd, q, k) < nce_objective(f, pd, q, k) - 1e-12:
            step = step / 2
        theta = theta + step
        if max(abs(step)) < 1e-12:
            break
    return X @ theta


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _ln_sigmoid(x: float) -> float:
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _softmax(scores: Sequence[float]) -> list[float]:
    weights = [math.exp(s - max(scores)) for s in scores]
    return [w / math.fsum(weights) for w in weights]


# How a word is compared, and what a wrong end looks like.


def _which(args: tuple[Any, ...], value: Any) -> dict[str, bool]:
    if not isinstance(value, str) or value not in WORDS:
        raise ValueError(f"one of the words {', '.join(map(repr, WORDS))} is asked for, got {value!r}")
    return {word: word == value for word in WORDS}


def _picture(args: tuple[Any, ...], value: Any) -> Figure:
    from matplotlib.figure import Figure

    from nslab.explain import COLORS

    mode, T, pd, *_ = args
    states = np.arange(1, len(pd) + 1)
    ends = np.exp(np.stack([fixed_point(*args), np.asarray(value, dtype=float)]))
    figure = Figure(figsize=(6, 2))
    figure.subplots_adjust(left=0.1, right=0.98, bottom=0.24, top=0.86)
    axes = figure.subplots()
    axes.bar(states, pd, width=0.8, color=COLORS["faint"])
    axes.plot(states - 0.1, ends[0], "o", color=COLORS["anchor"])
    axes.plot(states + 0.1, ends[1], "D", color=COLORS["hard"])
    axes.set(ylabel="$e^{f(x)}$", xticks=states)
    axes.set_xlabel("state x (grey: the data, circle: expected, diamond: yours)")
    figure.suptitle(f"Where the model rests: mode {mode!r}, T = {T:g}", fontsize=9)
    return figure


_LIBRARY_MODES = {"stop": "stop_grad", "logq_only": "log_q_only"}


def _library_gradient(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> Any:
    def own(s: torch.Tensor) -> torch.Tensor:
        return u / len(f) + (1 - u) * torch.softmax(s / T, -1)

    held = np.full(len(f), 1 / len(f)) if mode == "fixed" else own
    return noise.nce_gradient(f, pd, held, k, _LIBRARY_MODES.get(mode, mode))


EXERCISE = Exercise(
    "10",
    "when the noise learns",
    (
        Question(
            "nce_objective(f, pd, q, k)",
            nce_objective,
            noise.nce_objective,
            "nslab.nce_objective",
            cases.objective_cases,
            mistakes.OBJECTIVE,
            (
                (
                    "One data point hides among k draws from the noise. How likely is it, before anybody"
                    " looks at a score, that a given point in state x is noise? That sets what is subtracted"
                    " from f(x)."
                ),
                (
                    "Two sums over the states: one weighs the logarithm of the chance that the model calls x"
                    " data, the other that it calls x noise. By which probabilities is each weighed, and how"
                    " many noise draws are there?"
                ),
                (
                    "The logarithm of a sigmoid is minus a softplus: `np.logaddexp` with a 0 gives it without"
                    " overflow. Look at q first and refuse a state that is never drawn."
                ),
            ),
        ),
        Question(
            "nce_gradient(f, mode, pd, k, T, u=0.0)",
            nce_gradient,
            _library_gradient,
            "nslab.nce_gradient",
            cases.gradient_cases,
            mistakes_gradient.GRADIENT,
            (
                (
                    "Begin with the path that every mode has: how J changes with G, state by state, while q"
                    " stands still. Check it where f = ln p_d: there it must vanish for any q."
                ),
                (
                    "Each other path goes through q. For 'logq_only' ask how ln q moves G, for 'measure' how"
                    " q moves the weights of the second sum. Both need how q moves with f, and q sums to 1:"
                    " raising one state lowers the others."
                ),
                (
                    "With autograd, q enters J twice, and a mode says which of the two copies is detached. By"
                    " hand, collect first what a small rise of each q(x) does to J along the open paths; then"
                    " carry that to the scores by the derivative of the softmax, where a mean under p"
                    " appears. Mind T and u."
                ),
            ),
        ),
        Question(
            "fixed_point(mode, T, pd, k, u=0.0)",
            fixed_point,
            None,
            "",
            cases.rest_cases,
            mistakes_rest.REST,
            (
                (
                    "Start where all states are equal and e^f sums to 1. Take a step along your gradient,"
                    " look whether anything still moves, repeat."
                ),
                (
                    "Rare states have small gradients: divide by p_d before you step, and half of that is a"
                    " good step. Stop when the largest part is far below the accuracy that is asked for."
                ),
                (
                    "Some settings never come to rest. Count the steps, and refuse after two thousand. A"
                    " gradient that is zero at the start is another matter: there the start is the answer."
                ),
            ),
            rtol=1e-6,
            picture=_picture,
        ),
        Question(
            "verdict(mode, T)",
            verdict,
            None,
            "",
            cases.verdict_cases,
            mistakes_verdict.VERDICT,
            (
                (
                    "Let your laboratory speak first: for each mode, at T = 0.5, 1 and 2, compare the"
                    " probabilities at rest with p_d and with where they began."
                ),
                (
                    "Three comparisons decide: does it come to rest, does it rest on the data, has it moved"
                    " at all? T = 1 is a case of its own."
                ),
                (
                    "Either call `fixed_point` and compare, catching its refusal, or write down the rule that"
                    " you read off. Compare probabilities, not scores: e^f need not sum to 1."
                ),
            ),
            measure=_which,
        ),
        Question(
            "fit_family(X, pd, q, k)",
            fit_family,
            None,
            "",
            cases.family_cases,
            mistakes_verdict.FAMILY,
            (
                (
                    "The unknown is now θ, with one entry for each column of X. How does J change with θ, if"
                    " you know how it changes with each score?"
                ),
                (
                    "The held gradient of part 2, for the q that is given, is carried back to θ by the"
                    " transpose of X. At rest that is zero, though no single state needs to be right."
                ),
                (
                    "J is concave in θ, so going uphill finds the one answer. Small steps and many of them,"
                    " or Newton's method; return the scores, not θ."
                ),
            ),
            rtol=1e-6,
            stretch=True,
        ),
    ),
)
