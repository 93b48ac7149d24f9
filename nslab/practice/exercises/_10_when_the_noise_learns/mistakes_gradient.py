"""Exercise 10: the mistakes that are known by name, in the gradient."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nslab.practice._exercise import Case, Mutant
from nslab.practice._judgements import as_array
from nslab.practice._run import Outcome
from nslab.practice.exercises._10_when_the_noise_learns.mistakes import LN_K, ln_sigmoid

_MODES = ("fixed", "stop", "logq_only", "measure", "full", "uncorrected")


def gradient_of(
    f: np.ndarray,
    mode: str,
    pd: np.ndarray,
    k: int,
    T: float,
    u: float = 0.0,
    *,
    times_k: float | None = None,
    chain: float | None = None,
    centre: float = 1.0,
    sign_ln_q: float = 1.0,
    sign_draws: float = 1.0,
    model: float = 1.0,
    own_k: bool = True,
    as_data: bool = False,
    path_k: bool = True,
    twice: float = 0.0,
    by_T: bool = False,
    ln_k: bool = False,
    flat: bool = False,
    leaky: bool = False,
) -> np.ndarray:
    """Right unless a keyword says otherwise."""
    if mode not in _MODES:
        raise ValueError("no such mode")
    n = len(f)
    p = np.exp(f / T - np.logaddexp.reduce(f / T))
    q = np.full(n, 1 / n) if mode == "fixed" else u / n + (1 - u) * p
    model_f = f / T if by_T else f
    nothing = np.log(k / n if flat else k) if ln_k else 0.0
    G = model_f - (nothing if mode == "uncorrected" else np.log((k if times_k is None else times_k) * q))
    drawn = k if own_k else 1
    held = pd * np.exp(ln_sigmoid(-G)) - drawn * q * np.exp(ln_sigmoid(G))
    factor = (1 - u) / T if chain is None else chain

    def through_q(w: np.ndarray) -> np.ndarray:
        return factor * p * (w - centre * (p @ w))

    gradient = held if mode not in ("logq_only", "measure") else model * held
    if mode in ("logq_only", "full"):
        gradient = gradient + sign_ln_q * through_q(-held / q)
    if mode in ("measure", "full") or (leaky and mode == "uncorrected"):
        weights = ln_sigmoid(G) if as_data else ln_sigmoid(-G)
        gradient = gradient + sign_draws * through_q((drawn if path_k else 1) * weights)
    return gradient + twice * held * (mode == "full")


def _renamed(**other: str) -> Callable[..., np.ndarray]:
    """The right gradient, of another mode than was asked for."""

    def wrong(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
        return gradient_of(f, other.get(mode, mode), pd, k, T, u)

    return wrong


def _q_only(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    return gradient_of(f, mode, pd, k, T, u, model=0.0)


def _boxed(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    if mode != "fixed":
        return gradient_of(f, mode, pd, k, T, u)
    q = 1 / len(f)
    return k * q * (pd - np.exp(f)) / (np.exp(f) + k * q)


def _normalised(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    p = np.exp(f - np.logaddexp.reduce(f))
    g = gradient_of(np.log(p), mode, pd, k, T, u)
    return g - p * g.sum()


def _centred(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    g = gradient_of(f, mode, pd, k, T, u)
    return g - g.mean()


def _uniform_draws(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    return gradient_of(f, mode, pd, k, T, 1.0 if mode == "uncorrected" else u)


def _diagonal_only(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    """The derivative of the softmax as p (1 − p), its diagonal."""
    held = gradient_of(f, mode, pd, k, T, u, chain=0.0)
    moved = gradient_of(f, mode, pd, k, T, u, centre=0.0) - held
    return held + moved * (1 - np.exp(f / T - np.logaddexp.reduce(f / T)))


def _some_nan(case: Case, got: Outcome, own: Outcome) -> bool:
    if got.error is not None:
        return isinstance(got.error, OverflowError | ZeroDivisionError)
    value = as_array(got.value)
    return value is not None and not np.isfinite(value).all()


_NOT_STOPPED = (
    "In mode 'stop' q is computed anew from the scores and then held: no gradient flows through it, neither"
    " through ln q nor through the draws. Yours lets some through."
)
_JACOBIAN = (
    "q sums to 1: raising one score raises its own probability and lowers all the others. The derivative of a"
    " softmax has both parts; yours has the first alone."
)
_FREE = (
    "You normalised the scores, or took the mean of the gradient away. f is free here: e^f may have any sum,"
    " and the gradient may move all scores together."
)
GRADIENT = (
    Mutant("ln q for ln(Kq)", lambda *a: gradient_of(*a, times_k=1.0), LN_K),
    Mutant("not stopped", _renamed(stop="full"), _NOT_STOPPED),
    Mutant("not stopped", _renamed(stop="logq_only"), _NOT_STOPPED),
    Mutant("not stopped", _renamed(stop="full", logq_only="full", measure="full"), _NOT_STOPPED),
    Mutant(
        "every path stopped",
        _renamed(logq_only="stop", measure="stop", full="stop"),
        "Your noise is held in every mode. In 'logq_only', 'measure' and 'full' it is a function of the"
        " scores, and the gradient flows through it.",
    ),
    Mutant(
        "ln q path missing",
        _renamed(logq_only="stop", full="measure"),
        "In 'logq_only' and 'full' the ln q inside G is a function of the scores: raising f(x) raises q(x) as"
        " well, and takes a part of the rise of G away. That path is missing.",
    ),
    Mutant(
        "draws path missing",
        _renamed(measure="stop", full="logq_only"),
        "In 'measure' and 'full' the q that weighs the second sum is a function of the scores too. That path"
        " is missing.",
    ),
    Mutant(
        "paths swapped",
        _renamed(measure="logq_only", logq_only="measure"),
        "'logq_only' and 'measure' are swapped: the first goes through the ln q in G, the second through the"
        " q that is drawn from.",
    ),
    Mutant(
        "model's own path missing",
        _q_only,
        "The scores enter through f in G in every mode; 'logq_only' and 'measure' say what comes on top."
        " Yours has the addition alone.",
    ),
    Mutant(
        "sign",
        lambda *a: -gradient_of(*a),
        "The sign is reversed: this is the gradient of −J. Where p_d is more than e^f, the held gradient must"
        " be positive.",
    ),
    Mutant(
        "sign of the ln q path",
        lambda *a: gradient_of(*a, sign_ln_q=-1.0),
        "ln q is subtracted in G: when q rises, G falls. Your ln q path has the other sign.",
    ),
    Mutant(
        "sign of the draws path",
        lambda *a: gradient_of(*a, sign_draws=-1.0),
        "The second sum is added in J, so a change of q counts with the weight K ln σ(−G) as it is. Your path"
        " through the draws has the other sign.",
    ),
    Mutant(
        "σ(G) in the draws path",
        lambda *a: gradient_of(*a, as_data=True),
        "Your path through the draws weighs the change of q by ln σ(G). The second sum has ln σ(−G): noise"
        " that is called noise.",
    ),
    Mutant(
        "1/T missing in the chain",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, T, u, chain=1 - u),
        "The noise sees f/T, so its derivative has a factor 1/T. At T = 1 you are right, elsewhere not.",
    ),
    Mutant(
        "1 − u missing in the chain",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, T, u, chain=1 / T),
        "Only the part 1 − u of the noise moves with the scores; the uniform part stands still. Your"
        " derivative of q moves all of it.",
    ),
    Mutant("softmax moves one state", lambda *a: gradient_of(*a, centre=0.0), _JACOBIAN),
    Mutant("softmax moves one state", _diagonal_only, _JACOBIAN),
    Mutant(
        "full stopped",
        _renamed(full="stop"),
        "In mode 'full' your gradient is that of 'stop'. All three places are open there: f in G, ln q in G,"
        " and the q that noise is drawn from.",
    ),
    Mutant(
        "u and 1 − u swapped",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, T, 1 - u),
        "u is the share of the noise that is uniform. At u = 0 the noise is the model's own, yours is uniform"
        " there.",
    ),
    Mutant(
        "temperature ignored",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, 1.0, u),
        "Your noise does not depend on T: it is the softmax of f/T, not of f.",
    ),
    Mutant(
        "multiplied by T",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, 1 / T, u),
        "Divide the scores by T: a large T must flatten the noise, yours gets sharper.",
    ),
    Mutant(
        "u ignored",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, T),
        "Your noise does not depend on u, the share that is uniform.",
    ),
    Mutant(
        "uncorrected subtracts",
        _renamed(uncorrected="stop"),
        "In mode 'uncorrected' nothing is subtracted: G is f itself, though the draws come from q all the"
        " same.",
    ),
    Mutant(
        "uncorrected subtracts uniform noise",
        lambda *a: gradient_of(*a, ln_k=True, flat=True),
        "In mode 'uncorrected' nothing at all is subtracted, not even the ln(K/N) of uniform noise: G is f"
        " itself.",
    ),
    Mutant(
        "uncorrected flows through the draws",
        lambda *a: gradient_of(*a, leaky=True),
        "In mode 'uncorrected' the gradient flows through f in G alone, as in 'stop'. Yours goes through the"
        " draws too.",
    ),
    Mutant(
        "uncorrected draws from uniform noise",
        _uniform_draws,
        "In mode 'uncorrected' only the subtraction is left out. The draws still come from the model's q.",
    ),
    Mutant(
        "fixed noise moves",
        _renamed(fixed="stop"),
        "In mode 'fixed' the noise is uniform, whatever the scores: yours is made from them.",
    ),
    Mutant(
        "one draw of noise",
        lambda *a: gradient_of(*a, own_k=False),
        "Your noise part counts one draw, and there are K for each data point.",
    ),
    Mutant(
        "K missing in the draws path",
        lambda *a: gradient_of(*a, path_k=False),
        "Your path through the draws counts one draw of noise, and there are K for each data point.",
    ),
    Mutant(
        "own path counted twice",
        lambda *a: gradient_of(*a, twice=1.0),
        "'full' is not the sum of 'logq_only' and 'measure': each of them holds the path through f in G"
        " already, so it would count twice.",
    ),
    Mutant(
        "uncorrected subtracts ln K",
        lambda *a: gradient_of(*a, ln_k=True),
        "In mode 'uncorrected' nothing at all is subtracted, not even ln K: G is f itself.",
    ),
    Mutant(
        "model divided by T",
        lambda *a: gradient_of(*a, by_T=True),
        "T belongs to the proposal. In G the model's own score stays f, not f/T.",
    ),
    Mutant(
        "mean for sum",
        lambda *a: gradient_of(*a) / len(a[0]),
        "You divided by the number of states. J is a sum over states whose weights sum to 1, so nothing is"
        " left to divide by.",
    ),
    Mutant(
        "divided by p_d",
        lambda f, mode, pd, k, T, u=0.0: gradient_of(f, mode, pd, k, T, u) / pd,
        "This is the gradient over p_d. That is a good direction for a step, but here the gradient itself is"
        " asked for.",
    ),
    *(Mutant("normalised model", wrong, _FREE) for wrong in (_normalised, _centred)),
    Mutant(
        "exp overflows",
        _boxed,
        "e^f left the range of float64: ∞/∞ is NaN. Write the shares e^f/(e^f + Kq) and Kq/(e^f + Kq) as"
        " sigmoids of G and −G.",
        _some_nan,
    ),
)
