"""Exercise 10: when the noise learns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from nslab import noise
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import (
    a_value_error,
    as_array,
    finite,
    nearly,
    not_all_finite,
    not_finite,
    silent,
)
from nslab.practice._mistakes import changed, mistakes
from nslab.practice._run import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MODES = ("fixed", "stop", "logq_only", "measure", "full", "uncorrected")
BY_LOG, BY_DRAWS = ("logq_only", "full"), ("measure", "full")
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
            gradient[y] -= (mode in BY_LOG) * by_G[x] * slope / q[x]
            gradient[y] += (mode in BY_DRAWS) * k * _ln_sigmoid(-G[x]) * slope
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
    """The scores X θ at which Xᵀ dJ/df is zero."""
    return best(X, pd, k * q, k * q)


def best(X: np.ndarray, pd: np.ndarray, drawn: np.ndarray, odds: np.ndarray) -> np.ndarray:
    """Newton's method for X θ, where the logit is X θ − ln(odds), and Σ drawn ln σ(−G) is the second sum."""
    theta = np.zeros(X.shape[1])
    for _ in range(100):
        up = np.array([_sigmoid(math.log(o) - fx) for fx, o in zip(X @ theta, odds, strict=True)])
        slope = X.T @ (pd * up - drawn * (1 - up))
        bend = X.T @ (((pd + drawn) * up * (1 - up))[:, None] * X)
        step = np.linalg.solve(bend, slope)
        theta = theta + step * min(1.0, 1 / max(abs(step).max(), 1e-300))
    return X @ theta


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _ln_sigmoid(x: float) -> float:
    return min(x, 0.0) - math.log1p(math.exp(-abs(x)))


def _softmax(scores: Sequence[float]) -> list[float]:
    weights = [math.exp(s - max(scores)) for s in scores]
    return [w / math.fsum(weights) for w in weights]


# A right answer in named steps, and what goes wrong in each.


def ln_sigmoid(x: np.ndarray) -> np.ndarray:
    return -np.logaddexp(0, -x)


def ln_softmax(s: np.ndarray) -> np.ndarray:
    return s - np.logaddexp.reduce(s)


def right_objective(f: np.ndarray, pd: np.ndarray, q: np.ndarray, k: int) -> Any:
    rarest = q.min()
    if rarest <= 0:
        raise ValueError("q must be > 0")
    subtracted = np.log(k * q)
    G = f - subtracted
    as_data = ln_sigmoid(G)
    as_noise = ln_sigmoid(-G)
    first = pd @ as_data
    second = q @ as_noise
    return first + k * second


def nearly_or_lost(case: Case, got: Outcome, own: Outcome) -> bool:
    return not_finite(case, got, own) or nearly(case, got, own)


LN_K = """
ln q for ln(Kq) | {}
  You subtract ln q, but the odds of noise are K q. So e^f ends at p_d/K and sums to 1/K, 0.3333 at K = 3.
"""
TYPED = """
numbers typed in | {}
  Your function is right for K = 3, for PD or for five states. It gets others too: use the arguments.
"""
OBJECTIVE = mistakes(
    right_objective,
    LN_K.format("subtracted = np.log(q)")
    + TYPED.format("return right_objective(f, pd, q, 3)")
    + """
numbers typed in | return right_objective(f, PD if len(f) == 5 else pd, q, k)
corrected in one sum | as_noise = ln_sigmoid(-f)
  The same G stands in both sums: ln(Kq) is subtracted from f for data and for noise.
one draw of noise | return first + second
  Your second sum counts one draw of noise, and there are K for each data point.
one draw of noise | subtracted = np.log(q); return first + second
loss for objective | return -first - k * second
  This is −J, the loss. J is what NCE maximises: a sum of logarithms of probabilities, never above 0.
wrong weights | first = q @ as_data; second = pd @ as_noise
  The first sum is weighed by p_d and the second by q: data points come with p_d, noise points with q.
wrong weights | first = as_data.mean()
wrong weights | second = as_noise.mean()
wrong weights | second = pd @ as_noise
nothing subtracted | G = f
  You used G = f. The model's odds of data against noise are e^f : K q, so the logit has ln(Kq) taken away.
wrong ln(Kq) | subtracted = np.log(k / len(f))
  The odds of noise in state x are K q(x), so ln K + ln q(x) is what is subtracted.
wrong ln(Kq) | subtracted = np.log(q / k)
wrong ln(Kq) | subtracted = k * np.log(q)
added, not subtracted | G = f + subtracted
  The correction has the wrong sign: what the noise draws often is likely to be noise, so G must be lower.
ln σ(G) for noise | second = q @ as_data
  A noise point is called noise with probability σ(−G). Its logarithm is ln σ(−G), not ±ln σ(G).
ln σ(G) for noise | second = -(q @ as_data)
logarithm of the mean | first = np.log(pd @ np.exp(as_data)); second = np.log(q @ np.exp(as_noise))
  You took the mean before the logarithm. J is a mean of logarithms: the logarithm comes first.
logarithm of the mean | second = ln_sigmoid(-(q @ G))
no logarithm | as_data = np.exp(ln_sigmoid(G)); as_noise = np.exp(ln_sigmoid(-G))
  These are mean probabilities of a right answer. J has their logarithms.
exp overflows | as_data = -np.log(1 + np.exp(-G)); as_noise = -np.log(1 + np.exp(G)) | not_finite
  An exponential overflowed, so ∞/∞ or ln 0 came out. Write ln σ(G), about G far below 0, as minus a softplus.
clipped | G = np.clip(f - subtracted, -30, 30) | finite
  You clip G, or add a small number. J is about −800 where a score is 800 off: minus a softplus needs no clip.
1 − σ(G) cancels | as_data = -np.log(1 + np.exp(-G)); as_noise = np.log(1 - np.exp(as_data)) | nearly_or_lost
  For a large G, 1 − σ(G) loses its digits and becomes 0. It is σ(−G), whose logarithm is minus a softplus.
mean for sum | return (first + k * second) / len(f)
  You divided by the number of states. The weights p_d and q sum to 1: the two sums are means already.
divided by K + 1 | return (first + k * second) / (k + 1)
  You divided by the number of points, K + 1. J is a sum: one data point and its K draws of noise.
not in nats | return (first + k * second) / np.log(2)
  Logarithms are natural throughout. Yours are in bits, or in powers of ten.
not in nats | return (first + k * second) / np.log(10)
normalised first | G = ln_softmax(f) - subtracted
  You normalised the scores before playing. NCE needs no normaliser: f enters as it is, and learns its own.
hole in the noise | rarest = 1 | silent
  q is 0 in some state. A state that is never drawn as noise is never pushed down: raise ValueError.
""",
    *(finite, nearly_or_lost, not_finite, silent),
)


def right_gradient(f: np.ndarray, mode: str, pd: np.ndarray, k: int, T: float, u: float = 0.0) -> np.ndarray:
    if mode not in MODES:
        raise ValueError("no such mode")
    heat = T
    share = u
    p = np.exp(ln_softmax(f / heat))
    own = share / len(f) + (1 - share) * p
    slope = (1 - share) / heat * p
    uniform = np.full(len(f), 1 / len(f))
    q = uniform if mode == "fixed" else own
    subtracted = np.log(k * q)
    scores = f
    G = scores if mode == "uncorrected" else scores - subtracted
    as_data = ln_sigmoid(G)
    as_noise = ln_sigmoid(-G)
    held = pd * np.exp(as_noise) - k * q * np.exp(as_data)
    by_log = -held / q
    by_draws = k * as_noise
    log_open = mode in BY_LOG
    draws_open = mode in BY_DRAWS
    by_q = np.where(log_open, by_log, 0) + np.where(draws_open, by_draws, 0)
    moved = slope * (by_q - p @ by_q)
    return held + moved


GRADIENT = mistakes(
    right_gradient,
    LN_K.format("subtracted = np.log(q)")
    + TYPED.format("return right_gradient(f, mode, pd, 3, T, u)")
    + """
numbers typed in | return right_gradient(f, mode, PD if len(f) == 5 else pd, k, T, u)
numbers typed in | uniform = np.full(len(f), 1 / 5)
not stopped | log_open = mode in ("stop", *BY_LOG); draws_open = mode in ("stop", *BY_DRAWS)
  In mode 'stop' q is held: no gradient flows through ln q or through the draws. Yours lets some through.
not stopped | log_open = mode in ("stop", *BY_LOG)
not stopped | draws_open = mode in ("stop", *BY_DRAWS)
not stopped | log_open = mode not in ("fixed", "uncorrected"); draws_open = log_open
every path stopped | return held
  Your noise is held in every mode. In 'logq_only', 'measure' and 'full' the gradient flows through it.
ln q path missing | log_open = False
  In 'logq_only' and 'full' ln q in G moves too: raising f(x) raises q(x) as well. That path is missing.
draws path missing | draws_open = False
  In 'measure' and 'full' the q that weighs the second sum depends on the scores too. That path is missing.
other paths open | log_open = mode in BY_DRAWS; draws_open = mode in BY_LOG
  'logq_only' opens the path through ln q in G, 'measure' the one through the draws, and 'full' both.
other paths open | log_open = mode == "logq_only"; draws_open = mode == "measure"
other paths open | draws_open = mode == "measure"
other paths open | log_open = mode in (*BY_LOG, *BY_DRAWS)
other paths open | draws_open = mode in (*BY_LOG, *BY_DRAWS)
model's own path missing | return moved if mode in ("logq_only", "measure") else held + moved
  The scores enter through f in G in every mode; 'logq_only' and 'measure' add to that. Yours only adds.
sign | return -held - moved
  The sign is reversed: this is the gradient of −J. Where p_d > e^f, the held gradient must be positive.
sign of the ln q path | by_log = held / q
  ln q is subtracted in G: when q rises, G falls. Your ln q path has the other sign.
derivative of ln σ | held = pd * np.exp(as_data) - k * q * np.exp(as_noise)
  J changes with G(x) by p_d σ(−G) − K q σ(G): that is the path through f. Yours has another sign or factor.
derivative of ln σ | held = pd * np.exp(as_noise) + k * q * np.exp(as_data)
derivative of ln σ | held = pd * np.exp(as_noise) - k * np.exp(as_data)
weight of the draws path | by_draws = -k * as_noise
  Moving q changes the second sum by K ln σ(−G) times the change of q. Your draws path weighs it otherwise.
weight of the draws path | by_draws = k * as_data
weight of the draws path | by_draws = k * np.exp(as_noise)
weight of the draws path | by_draws = as_noise
1/T missing in the chain | slope = (1 - share) * p
  The noise sees f/T, so its derivative has a factor 1/T. At T = 1 you are right, elsewhere not.
1/T missing in the chain | slope = (1 - share) * heat * p
1 − u missing in the chain | slope = p / heat
  Only the part 1 − u of the noise moves with the scores. Your derivative of q moves the uniform part too.
1 − u missing in the chain | slope = share / heat * p
1 − u missing in the chain | by_log = -held / p / (1 - share)
softmax moves one state | moved = slope * by_q
  q sums to 1: raising one score lowers the probability of all others. Your derivative of q lacks that part.
softmax moves one state | moved = slope * (1 - p) * by_q
u and 1 − u swapped | share = 1 - u
  u is the share of the noise that is uniform: at u = 0 it is the model's own. Yours is uniform there.
u and 1 − u swapped | own = (1 - share) / len(f) + share * p
u for u/N | own = share + (1 - share) * p
  The uniform share u is divided among N states, u/N for each. Your q sums to more than 1.
temperature ignored | heat = 1
  Your noise does not depend on T: it is the softmax of f/T, not of f.
multiplied by T | heat = 1 / T
  Divide the scores by T: a large T must flatten the noise, yours gets sharper.
u ignored | share = 0
  Your noise does not depend on u, the share that is uniform.
uncorrected subtracts | G = f - subtracted
  In mode 'uncorrected' nothing is subtracted, not even ln K: G is f itself, though the draws come from q.
uncorrected subtracts | G = f - (np.log(k * uniform) if mode == "uncorrected" else subtracted)
uncorrected subtracts | G = f - (np.log(k) if mode == "uncorrected" else subtracted)
uncorrected flows through the draws | draws_open = mode in ("uncorrected", *BY_DRAWS)
  In mode 'uncorrected' the gradient flows through f in G alone. Yours goes through the draws too.
uncorrected draws from uniform noise | q = uniform if mode in ("fixed", "uncorrected") else own
  In mode 'uncorrected' only the subtraction is left out. The draws still come from the model's q.
fixed noise moves | q = own
  In mode 'fixed' the noise is uniform, whatever the scores: yours is made from them.
ln K for ln(K/N) | subtracted = np.log(k * (1 if mode == "fixed" else q))
  In mode 'fixed' q is 1/N in every state, and ln(Kq) is ln(K/N): yours lacks the N.
one draw of noise | held = pd * np.exp(as_noise) - q * np.exp(as_data); by_draws = as_noise
  Your noise part counts one draw, and there are K for each data point.
own path counted twice | return held + moved + (held if mode == "full" else 0)
  'full' is not 'logq_only' plus 'measure': both hold the path through f in G, so it would count twice.
model divided by T | scores = f / T
  T belongs to the proposal. In G the model's own score stays f, and J is differentiated with respect to f.
model divided by T | return (held + moved) * heat
mean for sum | return (held + moved) / len(f)
  You divided by the number of states. The weights in J sum to 1, so nothing is left to divide by.
divided by p_d | return (held + moved) / pd
  This is the gradient over p_d: a good direction for a step, but the gradient itself is asked for.
normalised model | scores = ln_softmax(f); return held + moved - np.exp(scores) * (held + moved).sum()
  You normalised the scores or centred the gradient. f is free: all scores may move, and e^f have any sum.
normalised model | return held + moved - (held + moved).mean()
normalised model | scores = ln_softmax(f)
normalised model | scores = f - f.max()
exp overflows | held = (pd - k * q * np.exp(G)) / (1 + np.exp(G)) | not_all_finite
  e^f left the range of float64: ∞/∞ is NaN. Write e^f/(e^f + Kq) and Kq/(e^f + Kq) as sigmoids of ±G.
1 − σ(G) cancels | as_noise = np.log(1 - np.exp(as_data)) | not_all_finite
  For a large G, 1 − σ(G) becomes 0, and its logarithm −∞. It is σ(−G), whose logarithm is minus a softplus.
softmax overflows | p = pd if mode == "fixed" else np.exp(f / heat) / np.exp(f / heat).sum() | not_all_finite
  e^{f/T} left the range of float64: ∞/∞ is NaN. Take the largest score away from all: it changes nothing.
""",
    not_all_finite,
)


@lru_cache(maxsize=4096)
def climb(
    mode: str, T: float, pd: Vector, k: int, u: float = 0, step: float = 0.5, steps: int = 600, change=""
) -> tuple[np.ndarray, bool]:
    """Where a search ends, and whether it rests there; `change` is what the gradient does otherwise."""
    gradient = changed(right_gradient, change) if change else right_gradient
    f, share = np.full(len(pd), -np.log(len(pd))), np.array(pd)
    for _ in range(steps):
        direction = gradient(f, mode, share, k, T, u) / share
        if abs(direction).max() < 1e-9:
            return f, True
        if not np.isfinite(direction).all():
            break
        f = f + step * direction
    return f, False


def right_rest(mode: str, T: float, pd: np.ndarray, k: int, u: float = 0.0) -> np.ndarray:
    data = tuple(pd.tolist())
    end = climb(mode, T, data, k, u)
    f, rests = end
    if not rests:
        raise ValueError("does not come to rest")
    return f


def bent(f: np.ndarray, power: float, mode: str, pd: np.ndarray, u: float, scale: float = 0.0) -> np.ndarray:
    """f, but in mode 'uncorrected' a power of the data, whose sum has the logarithm `scale`."""
    return ln_softmax(power * np.log(pd)) + scale if mode == "uncorrected" and u == 0 else f


def sums_to_one(case: Case, got: Outcome, own: Outcome) -> bool:
    value = None if got.error else as_array(got.value)
    return value is not None and value.shape == own.value.shape and abs(np.exp(value).sum() - 1) < 1e-3


def run_off(case: Case, got: Outcome, own: Outcome) -> bool:
    """An error, NaN, or scores that have run off."""
    value = None if got.error else as_array(got.value)
    return got.error is not None or (value is not None and not (abs(value) <= 30).all())


def on_the_way(case: Case, got: Outcome, own: Outcome) -> bool:
    """Between the start and the end in most states, and at neither."""
    value = None if got.error else as_array(got.value)
    end = right_rest(*case.args)
    if value is None or value.shape != end.shape or not np.isfinite(value).all():
        return False
    moved, way = value + np.log(len(end)), end + np.log(len(end))  # from the start
    made = np.median((moved / way)[abs(way) > 0.05])
    return bool(0 < made < 1 and abs(moved - way).max() < abs(way).max())


REST = mistakes(
    right_rest,
    LN_K.format('end = climb(mode, T, data, k, u, change="subtracted = np.log(q)")')
    + """
probabilities for scores | return np.exp(ln_softmax(f))
  You returned probabilities. The scores f are asked for: their exponentials need not sum to 1.
probabilities for scores | return np.exp(f)
normalised | return ln_softmax(f)
  You normalised the answer. Where something biases the end, e^f does not sum to 1: return it as it is.
normalised | return bent(f, T / (1 + T), mode, pd, u)
always the data | f, rests = np.log(pd), True
  You returned ln p_d, where NCE should end, whatever the mode. Follow your gradient to where it does end.
wrong power of the data | end = climb(mode, 1.0 if mode == "uncorrected" else T, data, k, u)
  The uncorrected end is a power of the data below 1: a square root at T = 1, and nearer to 1 as T grows.
wrong power of the data | return np.log(pd) if mode == "uncorrected" else f
wrong power of the data | return bent(f, 1 / 2, mode, pd, u)
wrong power of the data | return bent(f, 1 / (1 + T), mode, pd, u, scale=np.logaddexp.reduce(f))
wrong power of the data | return bent(f, (1 + T) / T, mode, pd, u, scale=np.logaddexp.reduce(f))
not stopped | end = climb("full" if mode == "stop" else mode, T, data, k, u)
  In mode 'stop' the noise is held in each step: the end is the data. Your gradient flows through q.
run-away answered | f, rests = end[0], True | silent
  From here training never rests, and you returned where your loop stopped. Raise ValueError instead.
stands still refused | f, rests = end[0], end[1] and np.ptp(end[0]) > 0 | a_value_error
  At T = 1 the gradient is 0 at the start, up to rounding: that is rest. The start is the answer, no error.
another start | return f if np.ptp(f) > 1e-9 else ln_softmax(np.linspace(0, 1, len(f))) | sums_to_one
  You did not start at −ln N each. Where every model that sums to 1 has gradient 0, the start is the end.
not handed on | end = climb(mode, T, data, k)
  Your answer does not depend on T, K or u as it should. Is each of them handed on to `nce_gradient`?
not handed on | end = climb(mode, 1.0, data, k, u)
not handed on | end = climb(mode, T, data, 3, u)
step too large | end = climb(mode, T, data, k, u, step=2.0) | run_off
  In some settings your search jumps to and fro over the end and never gets there. Take a smaller step.
never at rest | f, rests = end[0], False | run_off
  Your search finds no rest where there is one. Does it climb? Are its steps small enough, and many enough?
stops too early | f, rests = climb(mode, T, data, k, u, steps=8)[0], end[1] | on_the_way
  Your scores are still on the way to the end. Go on until the largest part of the gradient is tiny.
stops too early | f, rests = climb(mode, T, data, k, u, steps=0)[0], True
""",
    *(a_value_error, on_the_way, run_off, silent, sums_to_one),
)


def right_verdict(mode: str, T: float) -> str:
    stop = "data"
    uncorrected = "elsewhere"
    measure = "data" if T == 1 else "elsewhere"
    at_one = "still"
    below_one = "away"
    logq_only = "data" if T > 1 else at_one if T == 1 else below_one
    full = "elsewhere" if T > 1 else at_one if T == 1 else below_one
    word = ("data", stop, logq_only, measure, full, uncorrected)[MODES.index(mode)]
    return word


VERDICT = mistakes(
    right_verdict,
    """
any moving noise is biased | stop = "elsewhere"; logq_only = "elsewhere"; measure = "elsewhere"
  You say that moving noise always moves the answer. Held, with ln(Kq) subtracted, it ends at p_d for any q.
any moving noise is biased | stop = "elsewhere"
any moving noise is biased | return "data" if mode == "fixed" else "elsewhere"
stopping always cures | uncorrected = "data"
  In 'uncorrected' the gradient is stopped too, and it ends at p_d^{T/(1+T)}: nothing was subtracted.
any open path is biased | logq_only = "elsewhere"
  'logq_only' above T = 1 ends at the data, where every G is at its best: the path only weakens the signal.
any open path is biased | logq_only = "elsewhere"; full = "elsewhere"
any open path is biased | measure = "elsewhere"; logq_only = (measure, at_one, below_one)[(T <= 1) + (T < 1)]
ln q path is harmless | logq_only = "data"
  f = ln p_d is a zero of this gradient, but below T = 1 the scores run away from it, and at T = 1 none moves.
always the data | return "data"
  You trust NCE in every mode. At T = 2 some modes rest elsewhere, and at T = 1 some never leave their start.
words swapped | return {"data": "elsewhere", "elsewhere": "data"}.get(word, word)
  'data' and 'elsewhere' are swapped: 'data' means that the softmax of the end is PD.
draws path is harmless | measure = "data"; full = logq_only
  Through the draws the model moves its noise to where it is easy to tell from data, even at f = ln p_d.
draws path is harmless | full = logq_only
measure biased at T = 1 too | measure = "elsewhere"
  At T = 1 and f = ln p_d no small move of q makes the game easier: the extra pull of 'measure' is 0 there.
still at T = 1 | at_one = "elsewhere"
  At T = 1 the gradient is 0 at every model that sums to 1, up to rounding: no score leaves its start.
still at T = 1 | at_one = "data"
still at T = 1 | at_one = "away"
away below T = 1 | below_one = "elsewhere"
  Below T = 1 the sign of the signal is turned, 1 − 1/T < 0: the data repel, and the scores rest nowhere.
away below T = 1 | below_one = "still"
T ignored | return right_verdict(mode, 1)
  What 'logq_only', 'measure' and 'full' do depends on T: below 1, at 1 and above 1 are three cases.
T ignored | return right_verdict(mode, 2)
T ignored | return right_verdict(mode, 0.5)
T ignored | full = at_one
T ignored | logq_only = below_one
three temperatures only | return word if T in (0.5, 1, 2) else "elsewhere"
  T may be any number above 0: what you saw at 0.5 holds everywhere below 1, what you saw at 2 above it.
three temperatures only | return right_verdict(mode, 0.5 if T < 0.75 else 1 if T < 1.5 else 2)
""",
)


def right_family(X: np.ndarray, pd: np.ndarray, q: np.ndarray, k: float) -> np.ndarray:
    drawn = k * q
    odds = drawn
    f = best(X, pd, drawn, odds)
    return f


def least_squares(X: np.ndarray, pd: np.ndarray, weight: np.ndarray | float) -> np.ndarray:
    root = np.sqrt(weight)
    return X @ np.linalg.lstsq((root * X.T).T, root * np.log(pd), rcond=None)[0]


def up_to_a_constant(case: Case, got: Outcome, own: Outcome) -> bool:
    value = None if got.error else as_array(got.value)
    return value is not None and bool(np.ptp(value - own.value) < 1e-4)


def in_the_family(case: Case, got: Outcome, own: Outcome) -> bool:
    X, value = case.args[0], np.array(as_array(got.value), dtype=float)
    return value.ndim == 1 and np.allclose(X @ np.linalg.lstsq(X, value, rcond=None)[0], value)


FAMILY = mistakes(
    right_family,
    LN_K.format("odds = q")
    + """
noise ignored | drawn = np.full(len(q), k / len(q))
  Your answer does not depend on q. Where the family cannot be right, the noise sets the compromise.
K ignored | drawn = q
  Your answer does not depend on K, and the weights Kq/(e^f + Kq) of the states do.
nothing subtracted | odds = np.ones(len(q))
  You used G = X θ. The model's odds of data against noise are e^f : K q, so G has ln(Kq) subtracted.
least squares | f = least_squares(X, pd, 1)
  You fitted ln p_d by least squares. NCE's compromise is another: Xᵀ times the gradient of J must be 0.
least squares | f = least_squares(X, pd, pd)
maximum likelihood | drawn = 1e7 * q | up_to_a_constant
  This is maximum likelihood of a normalised model. NCE comes to it as K grows; at this K the noise decides.
probabilities for scores | return np.exp(f)
  You returned e^f. The scores X θ are asked for.
normalised | return ln_softmax(f)
  You normalised the scores. A wrong model has no reason to sum to 1 under NCE: return X θ as it is.
data and noise swapped | drawn = k * pd; f = best(X, q, drawn, odds)
  Data and noise are swapped: the model should rise where p_d is, and q is what it is told from.
the data themselves | return np.log(pd)
  These scores are not of the form X θ: the family cannot express the data.
not the best θ | return f + X[:, 1:].sum(1) | in_the_family
  These are scores X θ, but Xᵀ times the gradient of J is not 0: the search stopped early, or J is another.
""",
    *(in_the_family, up_to_a_constant),
)

# The inputs.

PD = np.array([0.40, 0.25, 0.20, 0.10, 0.05])
_FAR = "exp(800) is more than float64 can hold"


def _shares(rng: np.random.Generator, n: int) -> np.ndarray:
    """n probabilities, none of them small."""
    weights = rng.integers(2, 13, n)
    return weights / weights.sum()


def _objective_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    two, uniform, against = np.full(2, 0.5), np.full(5, 0.2), PD[::-1].copy()
    shown, drawn_less = np.array([0.7, 0.0, 0.3]), np.array([0.2, 0.5, 0.3])
    hole = "a state that is never drawn as noise is never pushed down: refuse it"
    known = edges(
        (np.log(two), two, two, 1, "model, data and noise are equal: every G is 0"),
        (np.zeros(2), two, two, 3, "three draws of noise for each data point"),
        (np.log(PD), PD, uniform, 3, "the model is right: J is as large as this noise lets it be"),
        (np.log(PD), PD, PD, 3, "noise like the data: the game is hardest"),
        (np.log(PD), PD, against, 3, "noise unlike the data: the game is easy"),
        (np.array([0.0, 1.0, 0.5]), shown, drawn_less, 2, "a state that the data never show"),
        (np.array([0.0, -11.0]), two, np.array([1 - 1e-5, 1e-5]), 2, "q is small, but it is not 0"),
        (np.array([0.0, 32.0]), two, two, 1, "at G = 32, σ(−G) is small but not 0"),
        (np.array([33.0, -1.0]), two, two, 4, "at G = 33, σ(−G) is small but not 0"),
        (np.array([0.0, 800.0]), two, two, 1, _FAR),
        (np.zeros(12), np.full(12, 1 / 12), np.r_[1.0, np.full(11, 1e-30)], 2, "rarely drawn is not never"),
        (np.array([800.0, -800.0]), two, two, 2, _FAR),
        (np.array([0.0, 0.0]), two, np.array([1.0, 0.0]), 1, hole),
        (np.log(PD), PD, np.array([0.5, 0.0, 0.2, 0.3, 0.0]), 3, hole),
        (np.zeros(3), np.array([0.6, 0.4, 0]), np.array([0.3, 0.7, 0]), 2, "nothing ever visits state 2"),
    )
    return known + [
        Case((rng.normal(-2, 1.5, n).round(2), _shares(rng, n), _shares(rng, n), int(rng.integers(2, 11))))
        for n in (2, 3, 3, 4, 5, 5, 6, 8)
    ]


def _gradient_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    right, own = np.log(PD), np.log(np.array([0.1, 0.3, 0.2, 0.25, 0.15]))
    rest, pulled = "the model is right: this gradient is 0", "the model is right, and the draws pull it away"
    still = "the model is its own noise and sums to 1: nothing moves"
    by_hand = "two states: small enough for pencil and paper"
    known = edges(
        (right, "fixed", PD, 3, 2.0, rest),
        (right, "stop", PD, 3, 2.0, rest),
        (right, "logq_only", PD, 3, 2.0, rest),
        (right, "measure", PD, 3, 2.0, pulled),
        (right, "full", PD, 3, 2.0, pulled),
        (right, "uncorrected", PD, 3, 2.0, "the model is right, and nothing is subtracted"),
        (own, "stop", PD, 3, 1.0, "the model is its own noise: 3/4 of the likelihood's gradient"),
        (own, "logq_only", PD, 3, 1.0, still),
        (own, "full", PD, 3, 1.0, still),
        (own, "full", PD, 3, 2.0, 1.0, "u = 1: the noise stands still, whatever the mode"),
        (own, "measure", PD, 3, 1.0, 0.5, "half of the noise is uniform"),
        (own, "uncorrected", PD, 1, 0.5, "T below 1: the noise is sharper than the model"),
        (np.array([-0.5, 1, 0]), "stop", np.array([0.7, 0, 0.3]), 2, 2.0, "a state that the data never show"),
        (np.array([800.0, 0.0]), "full", np.array([0.5, 0.5]), 2, 400.0, _FAR),
        (np.array([0.0, 800.0, -800.0]), "fixed", np.array([0.5, 0.3, 0.2]), 3, 1.0, _FAR),
        (np.array([800.0, 0.0]), "stop", np.array([0.5, 0.5]), 1, 1.0, 0.5, _FAR),
        (own, "frozen", PD, 3, 1.0, "there is no such mode"),
        *[(np.array([0.0, -1.0]), m, np.array([0.75, 0.25]), 2, 2.0, by_hand) for m in MODES[1:]],
    )
    drawn = []
    for mode, count in zip(MODES, (1, 2, 2, 2, 2, 2), strict=True):
        for i in range(count):
            n = int(rng.integers(3, 6))
            f, T = rng.normal(-1.5, 1, n).round(2), float(rng.choice((0.5, 0.8, 1.5, 2.0, 3.0)))
            mixed = (0.25,) if i == 0 else ()
            drawn.append(Case((f, mode, _shares(rng, n), int(rng.integers(2, 8)), T, *mixed)))
    return known + drawn


def _rest_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    away = "the noise outruns the model, and nothing comes to rest"
    same = "at T = 1 every G is the same: the start is the end"
    drawn = []
    for mode in ("stop", "logq_only", "measure", "full", "uncorrected", "uncorrected"):
        T, k = round(float(rng.uniform(1.5, 4)), 1), int(rng.integers(2, 8))
        drawn.append((mode, T, _shares(rng, int(rng.integers(3, 6))), k, ""))
    return edges(
        ("fixed", 1.0, PD, 3, "fixed noise: e^f ends at the data and sums to 1 by itself"),
        ("stop", 2.0, PD, 3, "moving noise, held in each step: the same end"),
        ("stop", 2.0, np.array([0.89, 0.1, 0.01]), 2, "a rare state: divide by p_d, or it takes too long"),
        ("stop", 0.5, PD, 3, "noise sharper than the model, held in each step"),
        ("logq_only", 2.0, PD, 3, ""),
        ("logq_only", 1.0, PD, 3, same),
        ("logq_only", 0.5, PD, 3, away),
        ("measure", 2.0, PD, 3, ""),
        ("measure", 1.0, PD, 3, ""),
        ("full", 2.0, PD, 3, ""),
        ("full", 1.0, PD, 3, same),
        ("full", 0.5, PD, 3, away),
        ("full", 1.0, PD, 3, 0.5, "half uniform, half the model"),
        ("uncorrected", 1.0, PD, 3, "a square root, and its sum is not 1"),
        ("uncorrected", 2.0, PD, 3, ""),
        ("uncorrected", 0.8, PD, 3, ""),
        ("uncorrected", 1.0, PD, 1, 1.0, "uniform noise: not subtracting costs only a factor, here N"),
        *drawn,
        atol=2e-5,
    )


def _verdict_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    below, above = round(float(rng.uniform(0.4, 0.7)), 2), rng.uniform(1.6, 4, 6).round(2).tolist()
    held = "q moves with every step, and is held in each"
    stopped = "the gradient is stopped, and nothing is subtracted"
    return edges(
        ("fixed", 1.0, ""),
        ("stop", 0.5, held),
        ("stop", 1.0, "the model is its own noise"),
        ("stop", 2.0, held),
        ("logq_only", 1.0, "G does not depend on the scores any more"),
        ("logq_only", 0.5, "the signal is multiplied by 1 − 1/T"),
        ("measure", 1.0, "where q is the data, no small move of q makes the game easier"),
        ("measure", 0.7, ""),
        ("measure", 1.1, "only at T = 1 itself does the path through the draws change nothing"),
        ("full", 0.9, "just below T = 1"),
        ("full", 1.0, "J is the same for every model that sums to 1"),
        ("full", 0.5, ""),
        ("uncorrected", 1.0, stopped),
        ("uncorrected", 0.8, stopped),
        ("logq_only", below, ""),
        *[(mode, T, "") for mode, T in zip(MODES, above, strict=True)],
    )


def _family_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    place, ones = np.arange(5) - 2.0, np.ones(5)
    bowl, slope = np.stack([ones, place**2], 1), np.stack([ones, place], 1)
    uniform, against = np.full(5, 0.2), PD[::-1].copy()
    alone = "the family cannot express the data: the noise sets the compromise"
    return edges(
        (bowl, PD, uniform, 3, alone),
        (bowl, PD, PD, 3, alone),
        (bowl, PD, against, 3, alone),
        (bowl, PD, against, 100, "many draws: the noise matters less"),
        (np.eye(5), PD, against, 3, "a score for each state: any noise leads to the data"),
        (np.ones((5, 1)), PD, PD, 3, "one number for all states"),
        (slope[:, 1:], PD, uniform, 3, "no column of ones: no constant may be added to X θ"),
        *[(slope, _shares(rng, 5), _shares(rng, 5), int(rng.integers(2, 8)), "") for _ in range(5)],
        atol=1e-5,
    )


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
    key = "state x (grey: the data, circle: expected, diamond: yours)"
    axes.set(ylabel="$e^{f(x)}$", xticks=states, xlabel=key)
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
            _objective_cases,
            OBJECTIVE,
            (
                "One data point hides among k draws from the noise. How likely is it, before you look at "
                "a score, that a point in state x is noise? That sets what is subtracted from f(x).",
                "Two sums over the states: one weighs the logarithm of the chance that the model calls x "
                "data, the other that it calls x noise. By which probabilities is each weighed, and how "
                "many noise draws are there?",
                "The logarithm of a sigmoid is minus a softplus: `np.logaddexp` with a 0 gives it without "
                "overflow. Look at q first and refuse a state that is never drawn.",
            ),
        ),
        Question(
            "nce_gradient(f, mode, pd, k, T, u=0.0)",
            nce_gradient,
            _library_gradient,
            "nslab.nce_gradient",
            _gradient_cases,
            GRADIENT,
            (
                "Begin with the path that every mode has: how J changes with G, state by state, while q "
                "stands still. Check it where f = ln p_d: there it must vanish for any q.",
                "Each other path goes through q. For 'logq_only' ask how ln q moves G, for 'measure' how "
                "q moves the weights of the second sum. Both need how q moves with f, and q sums to 1: "
                "raising one state lowers the others.",
                "With autograd, q enters J twice, and a mode says which of the two copies is detached. By "
                "hand, collect first what a small rise of each q(x) does to J along the open paths; then "
                "carry that to the scores by the derivative of the softmax, where a mean under p appears. "
                "Mind T and u.",
            ),
        ),
        Question(
            "fixed_point(mode, T, pd, k, u=0.0)",
            fixed_point,
            None,
            "",
            _rest_cases,
            REST,
            (
                "Start with all states equal, where e^f sums to 1. Step along your gradient, look, repeat.",
                "Rare states have small gradients: divide by p_d before you step, and half of that is a "
                "good step. Stop when the largest part is far below the accuracy that is asked for.",
                "Some settings never rest: refuse after two thousand steps. At rest at the start: answer.",
            ),
            rtol=1e-6,
            picture=_picture,
        ),
        Question(
            "verdict(mode, T)",
            verdict,
            None,
            "",
            _verdict_cases,
            VERDICT,
            (
                "For each mode, at T = 0.5, 1 and 2, compare where it ends with p_d and with its start.",
                "Does it rest? Does it rest on the data? Has it moved at all? T = 1 is a case of its own.",
                "Either call `fixed_point` and compare, catching its refusal, or write down the rule that "
                "you read off. Compare probabilities, not scores: e^f need not sum to 1.",
            ),
            measure=_which,
        ),
        Question(
            "fit_family(X, pd, q, k)",
            fit_family,
            None,
            "",
            _family_cases,
            FAMILY,
            (
                "The unknown is now θ. How does J change with θ, if you know how it does with each score?",
                "The held gradient of part 2, for the q that is given, is carried back to θ by the "
                "transpose of X. At rest that is zero, though no single state needs to be right.",
                "J is concave in θ, so going uphill finds the one answer. Small steps and many of them, "
                "or Newton's method; return the scores, not θ.",
            ),
            rtol=1e-6,
            stretch=True,
        ),
    ),
)
