"""Exercise 12: the sigmoid loss and its bias."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch

from nslab.practice._exercise import Case, Exercise, Question
from nslab.practice.exercises._12_sigmoid_bias import mistakes

# The specification: one pair at a time.


def sigmoid_loss(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> float:
    """Every pair that is not masked pays softplus(−y z)."""
    return math.fsum(_softplus(-kind * logit) for kind, logit in _pairs(s, y, tau, b)) / len(s)


def bias_slope(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> float:
    """The derivative of softplus(−y z) with respect to z is −y σ(−y z), and z grows with b as fast as b
    does.
    """
    return math.fsum(-kind * _sigmoid(-kind * logit) for kind, logit in _pairs(s, y, tau, b)) / len(s)


def balanced_bias(s: np.ndarray, y: np.ndarray, tau: float) -> float:
    """The zero of `bias_slope`, by halving an interval that contains it."""
    positives, negatives = int((y > 0).sum()), int((y < 0).sum())
    if not positives or not negatives:
        raise ValueError(f"there must be positives and negatives, got {positives} and {negatives}")
    centre = math.log(positives / negatives)  # the answer if all logits are 0
    low, high = centre - float(s.max()) / tau, centre - float(s.min()) / tau
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if bias_slope(s, y, tau, middle) < 0 else (low, middle)
    return (low + high) / 2


def _pairs(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> Iterator[tuple[int, float]]:
    for score, kind in zip(s.ravel(), y.ravel(), strict=True):
        if kind:
            yield int(kind), float(score) / tau + b


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _sigmoid(x: float) -> float:
    return math.exp(-_softplus(-x))


# The inputs. The scores are whole 64ths and most τ powers of 2, so that single precision reads the same
# logits.

_ONE, _TWO = np.array([[1]]), np.array([[1, -1], [-1, 1]])
_MASKED = np.array([[1, 0]])


def _own(B: int) -> np.ndarray:
    """Row i belongs to column i."""
    return 2 * np.eye(B, dtype=int) - 1


_EDGES = (
    (np.array([[0.5]]), _ONE, 0.25, 0.0, "one pair that belongs together"),
    (np.array([[0.5]]), -_ONE, 0.25, 0.0, "one pair that does not"),
    (np.array([[0.5]]), _ONE, 0.25, -3.0, "the bias is added to the logit: it is in no unit of a score"),
    (np.array([[0.5, 0.25]]), _MASKED, 0.25, 0.0, "a masked pair costs nothing, whatever its score"),
    (np.array([[0.5, -0.25], [0.25, 0.75]]), _TWO, 0.25, -1.0, "two rows"),
    (np.array([[-0.25, 0.5], [0.75, 0.25]]), -_TWO, 0.25, -1.0, "y says what is a positive, not the diagonal"),
    (np.array([[-0.640625]]), _ONE, 2**-4, 0.0, "a logit of -10.25 costs a little more than 10.25"),
    (np.array([[-1.0]]), _ONE, 2**-10, 0.0, "exp(1024) is no float64"),
    (np.array([[1.0]]), -_ONE, 2**-10, 0.0, "exp(1024) is no float64"),
    (np.array([[1.0]]), _ONE, 2**-6, -24.0, "1 + exp(-40) is 1 in float64, and exp(-40) is not 0"),
    (np.array([[-1.0]]), -_ONE, 2**-6, 24.0, "1 + exp(-40) is 1 in float64, and exp(-40) is not 0"),
    (np.array([[1.0, 0.5]]), _MASKED, 2**-6, 0.0, "no loss is left but exp(-64), and a masked pair adds nothing"),
    (np.array([[0.5, 0.25, -0.5]]), np.array([[1, -1, 1]]), 0.25, -1.0, "two positives in a row"),
    (np.array([[0.5], [0.25], [-0.5]]), np.array([[1], [-1], [1]]), 0.25, -1.0, "three rows and one column"),
    (np.array([[0.5, 0.25], [0.5, 0.25]]), np.array([[0, 0], [1, -1]]), 0.25, -1.0, "a row without any pair"),
)  # fmt: skip


def _drawn(rng: np.random.Generator, B: int, M: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and labels that agree in about a third of the pairs; every sixth pair is masked, but not the
    first row's.
    """
    s = rng.integers(-64, 65, (B, M)) / 64
    y = np.where(rng.random((B, M)) < 0.3, 1, -1) * (rng.random((B, M)) > 1 / 6)
    y[0, 0], y[0, 1:] = 1, -1
    return s, y


def _cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    edges = [Case(tuple(args), about, atol=0.0) for *args, about in _EDGES]
    sizes = ((2, 4), (4, 3), (6, 5), (8, 8))
    drawn = [
        Case((*_drawn(rng, *size), tau, b), atol=1e-7)
        for size in sizes
        for tau, b in ((0.25, -2.0), (0.0625, -10.0))
    ]
    return [*edges, *drawn]


def _bias_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    flat = np.zeros((4, 4))
    masked = np.array([[1, 0, -1], [0, 1, -1], [-1, -1, 1]])
    apart = np.where(_own(4) > 0, 0.625, -0.625)
    unit = rng.normal(size=(2, 16, 8))
    unit /= np.linalg.norm(unit, axis=2, keepdims=True)
    edges = [
        Case((np.zeros((2, 2)), _TWO, 0.25), "one negative for each positive"),
        Case((flat, _own(4), 0.25), "all scores are 0: three negatives for each positive"),
        Case((flat + 0.5, _own(4), 0.25), "all scores are 0.5"),
        Case((np.zeros((3, 3)), masked, 0.25), "masked pairs are no negatives"),
        Case((np.zeros((2, 5)), np.where(np.arange(10).reshape(2, 5) % 5 < 2, 1, -1), 0.25), "two positives in each row"),
        Case((np.zeros((64, 64)), _own(64), 0.25), "63 negatives for each positive"),
        Case((flat - 100, _own(4), 0.0625), "scores far below 0"),
        Case((flat - 2.0**20, _own(4), 0.0625), "scores further below 0"),
        Case((flat + 2.0**20, _own(4), 0.0625), "scores far above 0"),
        Case((np.array([[99.0, 98.5], [98.25, 99.5]]), _TWO, 0.0625), "scores far above 0"),
        Case((apart, _own(4), 2**-6), "told apart already: σ(40) is 1 in float64, and σ(-40) is not 0"),
        Case((unit[0] @ unit[1].T, _own(16), 0.1), "random vectors of length 1, at τ = 0.1"),
        Case((flat, np.where(_own(4) > 0, 1, 0), 0.25), "without a negative there is no balance"),
        Case((flat, np.where(_own(4) > 0, 0, -1), 0.25), "without a positive there is no balance"),
    ]  # fmt: skip
    drawn = [Case((*_drawn(rng, *size), tau)) for size in ((2, 4), (4, 3), (8, 8)) for tau in (0.25, 0.0625)]
    return [Case(case.args, case.about, atol=1e-6) for case in edges + drawn]


def _library(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> torch.Tensor:
    kept = torch.tensor(y != 0)
    logits = torch.tensor(y) * (torch.tensor(s) / tau + b)
    return -torch.nn.functional.logsigmoid(logits[kept]).sum() / len(s)


def _library_slope(s: np.ndarray, y: np.ndarray, tau: float, b: float) -> torch.Tensor:
    bias = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    kept = torch.tensor(y != 0)
    logits = torch.tensor(y) * (torch.tensor(s) / tau + bias)
    loss = -torch.nn.functional.logsigmoid(logits[kept]).sum() / len(s)
    return torch.autograd.grad(loss, bias)[0]


EXERCISE = Exercise(
    "12",
    "the sigmoid loss and its bias",
    (
        Question(
            "sigmoid_loss(s, y, tau, b)",
            sigmoid_loss,
            _library,
            "torch.nn.functional.logsigmoid",
            _cases,
            mistakes.LOSS,
            (
                (
                    "Each pair is a question of its own. What does it cost if the answer is sure and right,"
                    " sure and wrong, and what if the pair is masked?"
                ),
                (
                    "Turn the sign of the logit where y is −1; then every pair has the same cost, the"
                    " logarithm of 1 plus an exponential. Which function of numpy adds two numbers that are"
                    " given by their logarithms?"
                ),
                (
                    "Where y is 0 the sign is lost, and the cost of a logit of 0 is not 0. Set those costs to"
                    " 0 afterwards. Then one sum over the whole matrix, and one division by the number of its"
                    " rows."
                ),
            ),
            rtol=1e-6,
        ),
        Question(
            "bias_slope(s, y, tau, b)",
            bias_slope,
            _library_slope,
            "torch.autograd",
            _cases,
            mistakes.SLOPE,
            (
                (
                    "Differentiate the cost of one pair with respect to its logit. How fast does the logit"
                    " change with b?"
                ),
                (
                    "A positive pulls b up by the probability that it gets wrong, a negative pushes it down"
                    " by its own. Both are sigmoids: of which logit?"
                ),
                (
                    "Do not subtract a sigmoid from 1: turn the sign of its logit. To keep the exponential"
                    " from overflowing take it of minus the absolute value, or use the tangens hyperbolicus"
                    " with care for small results."
                ),
            ),
            rtol=1e-6,
        ),
        Question(
            "balanced_bias(s, y, tau)",
            balanced_bias,
            None,
            "",
            _bias_cases,
            mistakes.BIAS,
            (
                (
                    "Let all scores be 0 first. Then σ(b) is the same for all pairs, and the balance is one"
                    " line on paper."
                ),
                (
                    "Your slope rises with b everywhere, so halving an interval finds its zero. Below which b"
                    " does it surely fall short? Add the largest logit to what you found on paper."
                ),
                (
                    "The ends: the answer for equal scores, less the largest and less the smallest s/τ. Count"
                    " positives and negatives by y, and refuse if either is missing."
                ),
            ),
            rtol=1e-5,
        ),
    ),
)
