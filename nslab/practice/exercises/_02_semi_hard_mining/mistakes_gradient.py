"""Exercise 02: the mistakes in the gradient of a distance that are known by name."""

from __future__ import annotations

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._run import Outcome
from nslab.practice.exercises._02_semi_hard_mining import mistakes


def _plain(a: np.ndarray, n: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(a - n))
    if length == 0:
        raise ValueError("no direction")
    return (a - n) / length


def _gradient(a: np.ndarray, n: np.ndarray, squared: bool) -> np.ndarray:
    return 2 * (a - n) if squared else _plain(a, n)


def _refused_on_one_point(a: np.ndarray, n: np.ndarray, squared: bool) -> np.ndarray:
    _plain(a, n)
    return _gradient(a, n, squared)


def _nan_or_zero(case: Case, got: Outcome, own: Outcome) -> bool:
    """NaN or a vector of zeros where there is no direction; a division by zero in plain Python."""
    return got.error is None or isinstance(got.error, ZeroDivisionError)


GRADIENT = (
    Mutant(
        "factor 2 missing",
        lambda a, n, squared: a - n if squared else _plain(a, n),
        "The derivative of x² is 2x: the gradient of the squared distance is twice the difference.",
    ),
    Mutant(
        "sign",
        lambda a, n, squared: -_gradient(a, n, squared),
        "The gradient points to where the distance GROWS: away from n. Yours points towards it.",
    ),
    Mutant(
        "refused where it exists",
        _refused_on_one_point,
        "On one point the squared distance has a gradient: it is 0, since the distance is smallest there."
        " Only the plain distance has none.",
        lambda case, got, own: isinstance(got.error, ValueError),
    ),
    Mutant(
        "always squared",
        lambda a, n, squared: 2 * (a - n),
        "Your answer does not depend on `squared`. The plain distance is a root: divide by what the chain"
        " rule gives.",
        lambda case, got, own: got.error is None and mistakes.alike(got, own),
    ),
    Mutant(
        "always plain",
        lambda a, n, squared: _plain(a, n),
        "Your answer does not depend on `squared`. The squared distance has a gradient that shrinks with the"
        " distance.",
    ),
    Mutant(
        "not divided by the length",
        lambda a, n, squared: 2 * (a - n) if squared else a - n,
        "The gradient of a plain distance has length 1 wherever it exists: divide the difference by its"
        " length.",
    ),
    Mutant(
        "divided by the squared length",
        lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) / np.linalg.norm(a - n),
        "You divided by the squared distance. The root of it is left in the denominator, so that the length"
        " is 1.",
    ),
    *(
        Mutant(
            "divided by twice the length",
            wrong,
            "The 1/2 from the root and the 2 from the square cancel; one of them is left in yours. The length"
            " is 1.",
        )
        for wrong in (
            lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) / 2,
            lambda a, n, squared: 2 * (a - n) if squared else _plain(a, n) * 2,
        )
    ),
    Mutant(
        "small number in the denominator",
        lambda a, n, squared: 2 * (a - n) if squared else (a - n) / (np.linalg.norm(a - n) + 1e-8),
        "A small number added to the length hides the division by zero and shortens the gradient of near"
        " points, which should have length 1.",
    ),
    Mutant(
        "length for vector",
        lambda a, n, squared: float(np.linalg.norm(_gradient(a, n, squared))),
        "This is the length of the gradient. Asked for is the vector, of the shape of a.",
    ),
    Mutant(
        "no direction answered",
        lambda a, n, squared: 2 * (a - n) if squared else (a - n) / np.linalg.norm(a - n),
        "Where the points meet the plain distance has no gradient: 0 divided by 0. Raise ValueError, where"
        " you return NaN or make a choice.",
        _nan_or_zero,
    ),
)
