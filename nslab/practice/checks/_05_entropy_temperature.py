"""Exercise 05: entropy, temperature and variance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal, localcontext

import numpy as np

from nslab import theory
from nslab.practice._exercise import Case, Exercise, Question, edges
from nslab.practice._judgements import answered, is_number, lost, nearly, not_finite, wherever
from nslab.practice._mistakes import mistakes
from nslab.practice._run import Outcome

# The specification: thirty decimal digits, one line a formula, no regard for speed.


def entropy(s: Sequence[float], tau: float, base: float = math.e) -> float:
    """H = −Σ pⱼ ln pⱼ / ln base."""
    with localcontext(prec=30):
        return float(_entropy(s, Decimal(float(tau))) / Decimal(float(base)).ln())


def dH_dtau(s: Sequence[float], tau: float) -> float:
    """dH/dτ = Var_p(s) / τ³."""
    with localcontext(prec=30):
        t = Decimal(float(tau))
        scores, p = _shifted(s), _softmax(s, t)
        mean = sum(pj * sj for pj, sj in zip(p, scores, strict=True))
        return float(sum(pj * (sj - mean) ** 2 for pj, sj in zip(p, scores, strict=True)) / t**3)


def tau_for_effective(s: Sequence[float], n_eff: float) -> float:
    """The τ at which exp H = n_eff, by halving an interval that contains it."""
    ties = sum(sj == max(s) for sj in s)
    if not ties < n_eff < len(s):
        raise ValueError(f"n_eff must lie strictly between {ties} and {len(s)}, got {n_eff:g}")
    with localcontext(prec=30):
        target = Decimal(float(n_eff)).ln()
        low = high = Decimal(float(max(s) - min(s)))
        while _entropy(s, low) > target:
            low /= 2
        while _entropy(s, high) < target:
            high *= 2
        for _ in range(45):
            middle = (low * high).sqrt()
            low, high = (middle, high) if _entropy(s, middle) < target else (low, middle)
        return float(low)


def steepest_gap(tau: float) -> float:
    """g = xτ, where x tanh(x/2) = 2: the zero of the derivative of g² p (1 − p)."""
    low, high = 2.0, 3.0
    for _ in range(60):
        x = (low + high) / 2
        low, high = (x, high) if x * math.tanh(x / 2) < 2 else (low, x)
    return low * tau


def _shifted(s: Sequence[float]) -> list[Decimal]:
    """The scores less the largest, so that equal scores are exactly 0 and vary by nothing."""
    return [Decimal(float(sj)) - Decimal(float(max(s))) for sj in s]


def _softmax(s: Sequence[float], tau: Decimal) -> list[Decimal]:
    weights = [(sj / tau).exp() for sj in _shifted(s)]
    return [w / sum(weights) for w in weights]


def _entropy(s: Sequence[float], tau: Decimal) -> Decimal:
    return -sum((p * p.ln() for p in _softmax(s, tau) if p), Decimal(0))


# A right answer in named steps, and what goes wrong in each.


def forms(name: str, step: str, *values: str) -> str:
    """Entries of one name, in each of them another value of the step."""
    return "\n".join(f"{name} | {step} {value}" for value in values)


def right_entropy(s: np.ndarray, tau: float, base: float = math.e) -> float:
    logits = s / tau
    shifted = logits - logits.max()
    weights = np.exp(shifted)
    p = weights / weights.sum()
    positive = p[p > 0]
    nats = -(positive * np.log(positive)).sum()
    return nats / math.log(base)


def close(case: Case, got: Outcome, own: Outcome) -> bool:
    return math.isclose(got.value, own.value, abs_tol=0.05)


ENTROPY = mistakes(
    right_entropy,
    f"""
0 · log 0 | positive = p | not_finite
  A weight underflowed to 0, and 0 · log 0 is NaN in floating point. In the limit it is 0: it adds nothing.
exp overflows | shifted = logits; positive = p | not_finite
  exp(s/τ) is infinite above s/τ = 709, and 0 far below. Make the largest s/τ 0 first: no weight changes.
exp overflows | shifted = logits | lost
{forms("exp overflows", "shifted = logits", "- logits.mean()", "- logits[0]", ".clip(-700, 700)")}
base ignored | return nats
  Your answer is in nats whatever `base` says. One nat is 1/ln 2 = 1.4427 bits.
bits or nats only | return nats / (math.log(2) if base == 2 else 1)
  Right for the bases 2 and e, in nats for any other: divide by ln base, whatever it is.
always bits | return nats / math.log(2)
  Your answer is in bits whatever `base` says. The default base is e: nats.
multiplied by ln base | return nats * math.log(base)
  The change of base goes the wrong way: one nat is more than one bit, so the number in bits is the larger.
sign | return -nats / math.log(base)
  The sign is reversed: ln p is never positive, an entropy never negative.
temperature ignored | logits = s
  Your answer does not depend on τ: the softmax is taken of s/τ, not of s.
multiplied by τ | logits = s * tau
  Divide the scores by τ: a small τ must sharpen the weights, yours get flatter.
not normalised | p = weights
  Your weights do not sum to 1: divide by their sum before taking the entropy.
no softmax | p = s / s.sum(); positive = p
  Scores can be negative, and no share can: the weights are the exponentials of s/τ, divided by their sum.
{forms("no softmax", "p =", "s / s.sum()", "np.abs(s) / np.abs(s).sum()")}
other weights | weights = 1 / (1 + np.exp(-logits))
  These are not e^(s/τ) over their sum: larger scores weigh more, equal ones count each, only τ scales them.
{forms("other weights", "logits = 1/tau *", "-s", "abs(s)", "np.unique(s)", "s / (np.ptp(s) or 1)")}
mean for sum | return nats / len(s) / math.log(base)
  You took the mean of −p ln p: K times too little. The p before the logarithm makes the sum a mean.
another measure | return nats / math.log(max(2, len(s)))
  Asked for is Σ −p ln p: not as a share of ln K or what is missing to it, no mean of −ln p, no −ln Σ p².
{forms("another measure", "nats =", "-math.log(p @ p)", "-math.log(p.max())", "-np.log(positive).mean()")}
{forms("another measure", "nats =", "math.log(len(s)) + (positive * np.log(positive)).sum()")}
ln Z and the mean | nats = np.log(weights.sum()) - shifted.mean()
  H is ln Z less the mean of s/τ: take it away, weight it by p, and divide its scores by τ too.
{forms("ln Z and the mean", "nats = np.log(weights.sum())", "+ p @ shifted", "+ logits.max() - p @ s")}
effective number | return math.exp(nats)
  This is the effective number of negatives, the exponential of the entropy. Asked for is the entropy.
imprecise | nats = -(p * np.log(p + 1e-5)).sum() | close
  Right to a few digits only: something is rounded, in float32, left out, or added inside the logarithm.
""",
    *(close, lost, not_finite),
)


def off_by_rounding(case: Case, got: Outcome, own: Outcome) -> bool:
    """Off by no more than a square of the scores loses in float64."""
    s, tau = case.args
    lost_digits = 8 * np.finfo(np.float64).eps * np.max(s * s) / tau**3
    return is_number(got) and abs(float(got.value) - dH_dtau(s, tau)) < lost_digits


def right_slope(s: np.ndarray, tau: float) -> float:
    logits = s / tau
    shifted = logits - logits.max()
    p = np.exp(shifted) / np.exp(shifted).sum()
    mean = p @ s
    squares = (s - mean) ** 2
    variance = p @ squares
    factor = 1.0
    return factor * variance / tau**3


SLOPE = mistakes(
    right_slope,
    f"""
np.var | variance = np.var(s)
  Every negative counts the same, as in np.var(s). Weight by p = softmax(s/τ): at a small τ only few count.
{forms("np.var", "variance =", "squares.mean()", "squares.sum()", "np.var(s, ddof=len(s) > 1)")}
np.var(p·s) | variance = np.var(p * s)
  The plain variance of p·s gives each 1/K. Take the sum of p·s from s, square, weight by p, and sum.
mean for sum | variance = (p * squares).mean()
  A mean divides by K, but p already sums to 1: the mean of x under p is `(p * x).sum()`.
{forms("mean for sum", "mean = (p * s).mean()", "", "; variance = (p * squares).mean()")}
another spread | variance = np.var(p)
  The variance under p is Σ p (s − m)² with m = Σ p s: each p once, and the distances of scores, squared.
{forms("another spread", "variance =", "p**2 @ squares", "p * (1 - p) @ s**2", "tau * p @ np.abs(s - mean)")}
a factor | factor = math.exp(right_entropy(s, tau))
  This is the slope times a factor: 2 counts each pair twice, 1/ln 2 gives bits, e^H the slope of the number
  of negatives, and K/(K − 1) or 1/(1 − Σ p²), as in np.cov without ddof=0, is for samples.
{forms("a factor", "factor =", "2.0", "1 / math.log(2)", "len(s) / max(1, len(s) - 1)", "1 / (1 - p @ p)")}
τ squared | return variance / tau**2
  dH/dτ is one over a score, a variance is a score squared: two powers of τ are one too few.
power of τ | return variance / tau
  dH/dτ is one over a score, a variance is a score squared: divide by three powers of τ.
power of τ | return variance * tau**3
sign | return -variance / tau**3
  The sign is reversed: heating spreads the weights, so the entropy never falls as τ grows.
derivative in 1/τ | return -variance / tau
  This is the derivative with respect to 1/τ. One step of the chain rule is missing: d(1/τ)/dτ = −1/τ².
divided by τ twice | return variance / tau**5
  You took the variance of s/τ, which already holds two of the powers of τ, and divided by all three again.
standard deviation | return math.sqrt(variance) / tau**3
  This is a standard deviation. The slope has the variance: check the units.
not centred | squares = s**2
  This is the mean square: take the mean under p away first. A number added to every score changes no slope.
difference of squares | variance = p @ s**2 - mean**2 | off_by_rounding
  E[s²] − E[s]² is the variance on paper: of large scores few digits are left. Square the distances from E[s].
centred on the plain mean | mean = s.mean()
  The squares are weighted by p, but the mean that you take away is not: it must be the mean under p too.
temperature ignored | logits = s
  The weights of your variance do not depend on τ: p is the softmax of s/τ.
exp overflows | shifted = logits | not_finite
  exp(s/τ) is infinite above s/τ = 709, and 0 far below. Make the largest s/τ 0 first: no weight changes.
""",
    *(not_finite, off_by_rounding),
)


def right_root(s: np.ndarray, n_eff: float) -> float:
    least = (s == s.max()).sum()
    wanted = n_eff
    reached = least < wanted < len(s)
    if not reached:
        raise ValueError("no such temperature")
    target = math.log(wanted)
    low, high = 1e-12, 1e12
    tau = search(s, target, low, high)
    return tau


def search(s: np.ndarray, target: float, low: float, high: float, *, upwards: bool = True) -> float:
    """Halve [low, high] on a logarithmic scale, with no look at whether the root lies inside."""
    for _ in range(60):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (right_entropy(s, middle) < target) == upwards else (low, middle)
    return low


def at_an_end(case: Case, got: Outcome, own: Outcome) -> bool:
    """A temperature that is far from the spread of the scores."""
    spread = float(np.ptp(case.args[0]))
    return is_number(got) and (0 <= got.value < 0.01 * spread or 100 * spread < got.value)


def same_end(case: Case, got: Outcome, own: Outcome) -> bool:
    """The mistake's own temperature, or as far out as it."""
    ends = at_an_end(case, got, own) and at_an_end(case, own, own)
    return ends or math.isclose(got.value, own.value, rel_tol=1e-6)


ROOT = mistakes(
    right_root,
    f"""
refused | reached = False
  A temperature gives this number. A solver refuses where its range is too narrow: start from the spread.
near ties | least = np.isclose(s, s.max()).sum()
  np.isclose takes scores for equal that are not. Only those that equal the largest share its place.
entropy instead of number | target = n_eff; reached = least < n_eff < math.log(len(s))
  You looked for H = n_eff. The effective number is exp H, so the entropy to reach is ln n_eff.
entropy instead of number | target = n_eff | same_end
bits and nats | target = math.log(n_eff) * math.log(2)
  An entropy in bits was compared with a logarithm to base e (or the reverse). Use one base on both sides.
whole numbers | wanted = int(n_eff)
  An effective number need not be whole: 1.5 of 2 can be had. You round it down, or refuse it.
fixed range | low, high = 1e-2, 10 | wherever
  The temperature lies outside the range (or below the step) of your search. Start from the spread of the
  scores, and widen until the target lies in between. (An exponential that overflows looks the same.)
{forms("fixed range", "low, high =", "1e-6, 1e6 | wherever", "1e-4 * s.max(), 1e4 | wherever")}
fixed range | low, high = 1e-12, 10 * np.ptp(s) | wherever
infeasible answered | reached = True | answered
  No temperature gives this number, yet you returned one: the end of its search. Raise ValueError.
ties forgotten | least = 1 | answered
  Scores that share the top weigh the same at every τ: the number stays above their count. Raise ValueError.
search runs the wrong way | tau = search(s, target, low, high, upwards=False) | at_an_end
  Your search ran to one end of its range. The entropy grows with τ: where it is too low, τ must go up.
no number | tau = math.nan | not_finite
  The search ended in NaN: a Newton step may land below 0, where no τ is. Keep it between two bounds.
reciprocal | return 1 / tau
  This is 1/τ, the inverse temperature.
logarithm | return math.log(tau)
  This is ln τ: take the exponential at the end.
imprecise | return float(f"{{tau:.3g}}") | nearly
  Right to a few digits only: a coarse grid, or a search that stops early. Halve until nothing changes.
""",
    *(answered, at_an_end, nearly, not_finite, same_end, wherever),
)


def right_gap(tau: float) -> float:
    ratio = 2.3993572805
    return ratio * tau


GAP = mistakes(
    right_gap,
    f"""
τ forgotten | return ratio
  Your gap is the same at every τ. Only g/τ is a fixed number: the gap has the units of τ.
units | return ratio / tau
  The gap has the units of τ: it is a fixed number times τ, to the power one.
units | return ratio * tau**2
g to the power one | ratio = 1.5434046384
  You maximised g p(1 − p). The variance of two scores is g² p(1 − p).
another number | ratio = 2.0
  A number times τ, but not this one: put two scores g apart into dH_dtau, keep τ, and move g alone.
{forms("another number", "ratio =", "1.1996786402", "3.2436437", "4.798714561")}
rounded | ratio = 2.4 | nearly
  Close, but rounded, as 2.4 τ is: find the maximum to four digits.
fixed grid | return min(ratio * tau, 10) | wherever
  Your grid or bracket ends before the gap, or is too coarse for it: take it in units of τ.
""",
    *(nearly, wherever),
)

# The inputs.

FIVE = np.array([0.9, 0.5, 0.3, 0.0, -0.4])
_COLD = "at τ = 0.0001 the small weights are below the smallest float"
_FAR = "adding one number to every score must change nothing"


def _random_scores(seed: int, count: int) -> list[tuple[np.ndarray, float]]:
    rng = np.random.default_rng(seed)
    sizes, temperatures = (2, 3, 5, 8, 32), (0.05, 0.07, 0.1, 0.2, 0.5, 2.0)
    scores = [rng.uniform(-1, 1, size).round(2) for size in rng.choice(sizes, count)]
    return list(zip(scores, rng.choice(temperatures, count).tolist(), strict=True))


def _entropy_cases(seed: int) -> list[Case]:
    bases = ((), (2,), (), (10,))
    return edges(
        (np.array([0.3]), 0.1, "a single negative leaves no doubt"),
        (np.array([0.5, 0.5]), 0.1, 2, "two equal scores are one bit"),
        (np.array([1.0, 0.0]), 0.5, ""),
        (np.array([1.0, 0.0]), 0.5, 2, "the same in bits"),
        (np.array([0.0, -1.0]), 0.001, "exp(−1000) is 0 in float64"),
        (np.array([-0.1, -0.1, -0.9]), 0.001, "two share the top and exp(−800) is 0 in float64"),
        (FIVE, 0.0001, _COLD),
        (np.array([-0.9, 0.9, 0.9]), 1e-4, "two share the top; the mean lies far below them"),
        (FIVE, 0.05, 10, ""),
        (FIVE + 100, 0.05, _FAR),
        (FIVE - 100, 0.05, _FAR),
    ) + [Case((s, tau, *bases[i % 4])) for i, (s, tau) in enumerate(_random_scores(seed, 12))]


def _slope_cases(seed: int) -> list[Case]:
    return [
        *edges(
            (np.array([0.3]), 0.1, "a single negative keeps entropy 0 at every τ"),
            (np.array([0.5, 0.5]), 0.1, "equal scores keep entropy ln 2 at every τ"),
            (np.array([1.0, 0.0]), 0.5, ""),
            (np.array([0.0, -1.0]), 0.001, "exp(−1000) is 0 in float64"),
            (np.array([0.5, 0.4995, 0.499]), 0.001, "τ is small, and so are the gaps: the slope is steep"),
            (FIVE, 0.05, ""),
            (FIVE, 10.0, ""),
        ),
        Case((FIVE, 0.0001), _COLD, atol=1e-6),
        *edges((FIVE + 50, 0.05, _FAR), (FIVE - 50, 0.05, _FAR), atol=1e-7),
        Case((FIVE + 1e5, 0.05), "two large squares differ by a small variance", atol=1e-4),
        *[Case((s, tau), atol=1e-9) for s, tau in _random_scores(seed, 12)],
    ]


def _root_cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    drawn = [rng.uniform(-1, 1, k).round(2) for k in (3, 5, 8, 32)]
    return edges(
        (np.array([1.0, 0.0]), 1.5, ""),
        (FIVE, 2.0, ""),
        (FIVE, 1.01, "one negative holds nearly all the weight"),
        (FIVE, 4.9999, "the weights are nearly equal: τ is large beside the spread"),
        (FIVE + 10, 2.0, _FAR),
        (FIVE * 1e-4, 2.0, "the scores are close together, so τ must be small"),
        (FIVE * 1e3, 2.0, ""),
        (FIVE * 1e7, 2.0, "the scores are far apart, so τ must be large"),
        (np.array([1e6, 1e6 - 0.001, 0.0]), 1.5, "two scores nearly tie: τ is a billionth of their spread"),
        (np.array([1.0, 1 - 1e-7, 0.0]), 1.2, "nearly equal is not equal: one score is the largest"),
        (np.array([1.0, 0.0]), 2.0, "two negatives count as two only in the limit τ → ∞"),
        (np.array([1.0, 0.0]), 3.0, "two negatives never count as three"),
        (np.array([1.0, 0.0]), 1.0, "two negatives count as one only in the limit τ → 0"),
        (np.array([1.0, 0.0]), 0.5, "fewer than one is never reached"),
        (np.array([0.0, 0.5, 0.5]), 1.5, "two share the top, so at least two always count"),
        *[(s, round(1 + (len(s) - 1) * float(rng.uniform(0.2, 0.8)), 2), "") for s in drawn],
        atol=0.0,
    )


def _gap_cases(seed: int) -> list[Case]:
    drawn = np.random.default_rng(seed).uniform(0.01, 5, 6).round(3)
    return [Case((float(tau),)) for tau in (0.07, 0.1, 1.0, 20.0, *drawn)]


EXERCISE = Exercise(
    "05",
    "entropy, temperature and variance",
    (
        Question(
            "entropy(s, tau, base=math.e)",
            entropy,
            lambda s, tau, base=math.e: theory.softmax_entropy(s, tau) / math.log(base),
            "nslab.theory.softmax_entropy",
            _entropy_cases,
            ENTROPY,
            (
                "Two steps: scores to weights that sum to 1, then the entropy of these. Which depends on τ?",
                "Before the exponential, subtract something from all scores so that none can overflow. Why "
                "is that allowed? Then think about a weight that comes out as exactly 0.",
                "Write ln p as the (shifted, scaled) score minus the logarithm of the sum of the "
                "exponentials. No logarithm of a weight is left. Change the base by one division at the end.",
            ),
        ),
        Question(
            "dH_dtau(s, tau)",
            dH_dtau,
            theory.softmax_entropy_slope,
            "nslab.theory.softmax_entropy_slope",
            _slope_cases,
            SLOPE,
            (
                "The slope is a variance over a power of τ. Find the power from the units of H and τ.",
                "Whose variance? The scores take their values with the chances of the softmax, not with 1/K.",
                "Compute the mean under p first, then the mean under p of the squared distances from it. "
                "Compare with a difference quotient of your `entropy` at τ = 0.05.",
            ),
        ),
        Question(
            "tau_for_effective(s, n_eff)",
            tau_for_effective,
            lambda s, n_eff: theory.temperature_for_entropy(s, math.log(n_eff)),
            "nslab.theory.temperature_for_entropy",
            _root_cases,
            ROOT,
            (
                "exp H never falls as τ rises: at most one τ is right, and halving an interval finds it.",
                "What can be reached? Think of τ → ∞, and of τ → 0 with several at the top. Refuse the rest.",
                "Start both ends at the spread of the scores; move the lower down and the upper up until the "
                "target lies between. Then take middles on a logarithmic scale until nothing changes.",
            ),
            rtol=1e-7,
        ),
        Question(
            "steepest_gap(tau)",
            steepest_gap,
            None,
            "",
            _gap_cases,
            GAP,
            (
                "With two negatives a gap g apart, your `dH_dtau` depends on g alone. Plot it at τ = 0.1.",
                "Only the ratio of g and τ matters for the place of the peak: one number, times τ, is it.",
                "Set the derivative of the logarithm of the slope to 0 and halve, or refine a fine grid.",
            ),
            rtol=2e-4,
            stretch=True,
        ),
    ),
)
