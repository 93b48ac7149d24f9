"""Closed forms and calculators: entropy of the softmax, the margin hidden in InfoNCE, how many negatives."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from nslab._calculate import calculate
from nslab._checks import Number, as_float, first_bad, positive, whole, widen
from nslab._exact import probability, smallest_draw, smallest_power

_UNDERFLOW = 1000.0  # exp(-1000) is 0 in every dtype: larger gaps change nothing


def softmax_entropy(scores: Any, temperature: Number) -> Tensor:
    """Entropy H of p = softmax(scores / τ) over the last axis, in nats; scores (..., K) -> (...).

    H = ln Z − E_p[s]/τ from scores shifted by their maximum, with log1p over all terms but one maximum, so
    that a tiny H keeps its digits. It runs from ln(number of maxima) at τ → 0 to ln K at τ → ∞.
    Half precision is computed in float32. Differentiable in both arguments.
    Raises ValueError or TypeError on empty or non-finite scores and on τ <= 0.
    Source: Shannon, "A mathematical theory of communication" (1948).

    >>> softmax_entropy([0.9, 0.5, 0.3, 0.0, -0.4], 0.1).round(decimals=4)
    tensor(0.1082, dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    return _entropy(values, tau).to(_dtype(scores))


def softmax_entropy_slope(scores: Any, temperature: Number) -> Tensor:
    """dH/dτ = Var_p(s) / τ³ with p = softmax(s / τ), in nats per unit of score; scores (..., K) -> (...).

    The variance is the one under p, not the plain variance of the scores. Never negative; zero only
    where all scores are equal (or in the limits of τ). Errors and precision as in `softmax_entropy`.
    Source: with b = 1/τ, H = ln Z − b (ln Z)' gives dH/db = −b Var_p(s); the fluctuation formula of
    statistical mechanics (Jaynes 1957).

    >>> softmax_entropy_slope([0.9, 0.5, 0.3, 0.0, -0.4], 0.1).round(decimals=4)
    tensor(3.7697, dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    drop, _ = _drops(values, tau)
    p = torch.softmax(-drop, dim=-1)
    centred = drop - (p * drop).sum(-1, keepdim=True)
    return ((p * centred**2).sum(-1) / tau).to(_dtype(scores))


def effective_negatives(scores: Any, temperature: Number) -> Tensor:
    """exp H: how many equally weighted negatives would be as concentrated; between 1 and K.

    scores (..., K) -> (...). Errors and precision as in `softmax_entropy`.
    Source: perplexity, Jelinek et al. (1977).

    >>> effective_negatives([0.5, 0.5, -3.0], 0.1).round(decimals=4)
    tensor(2., dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    return _entropy(values, tau).exp().to(_dtype(scores))


def temperature_for_entropy(scores: Any, target: Any) -> Tensor:
    """The one τ with softmax_entropy(scores, τ) = target (nats); scores (..., K), target broadcasts to (...).

    H never falls as τ grows, so bisection in ln τ finds the root, to float64 precision; the result is
    detached. Raises ValueError if all scores of a row are equal (H does not move), or if target lies
    outside the open interval (ln(number of maxima), ln K), where no τ reaches it.
    Source: the perplexity calibration of SNE, Hinton & Roweis (2002).

    >>> temperature_for_entropy([0.9, 0.5, 0.3, 0.0, -0.4], 1.0).round(decimals=4)
    tensor(0.3201, dtype=torch.float64)
    """
    values = _scores(scores).detach().double()
    rows = values.shape[:-1]
    gap = values.amax(-1, keepdim=True) - values
    spread = gap.amax(-1)
    first_bad(values[..., 0], spread == 0, "scores must not all be equal: no temperature changes H")
    wanted = as_float(target, "target").detach().to(values)
    try:
        wanted = wanted.expand(rows)
    except RuntimeError:
        raise ValueError(f"target must broadcast to {tuple(rows)}, got shape {tuple(wanted.shape)}") from None
    floor, ceiling = (gap == 0).sum(-1).double().log(), math.log(values.shape[-1])
    bounds = f"({floor.min().item():.6g}, {ceiling:.6g})"
    rule = f"target must lie strictly between ln(number of maxima) and ln K, in {bounds}"
    first_bad(wanted, (wanted <= floor) | (wanted >= ceiling), rule)

    unit = -gap / spread.unsqueeze(-1)  # the scores again, scaled to a spread of 1
    nearest = torch.where(gap > 0, -unit, torch.inf).amin(-1)
    low, high = (nearest / _UNDERFLOW).log(), torch.full(rows, math.log(1e9)).to(values)
    for _ in range(80):  # the widest bracket, 800 nats, shrinks below one rounding
        middle = (low + high) / 2
        below = _entropy(unit, middle.exp().unsqueeze(-1)) < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    root = (((low + high) / 2).exp() * spread).to(_dtype(scores))
    lost = ~root.isfinite() | (root == 0)
    first_bad(wanted, lost, f"target needs a temperature that {root.dtype} cannot hold")
    return root


def effective_margin(k: Any, temperature: Any, beta: Any = 0.0) -> float | Tensor:
    """β + τ ln K, in units of score: where InfoNCE against K negatives of score β has loss ln 2.

    With β a negative's score it is the threshold for the positive's score α; with β = 0 it is the margin on
    the gap α − β. Numbers give a float, arrays broadcast to a tensor. Raises ValueError unless k is whole and
    >= 1, τ > 0, all are finite and the shapes broadcast; TypeError for what is not a real number.
    Source: setting the loss of `equal_negatives_loss` to ln 2.

    >>> round(effective_margin(255, 0.07), 4), round(effective_margin(255, 0.07, beta=0.1), 4)
    (0.3879, 0.4879)
    """

    def formula(k: Tensor, temperature: Tensor, beta: Tensor) -> Tensor:
        return beta + temperature * k.log()

    return calculate(formula, k=k, temperature=temperature, beta=beta)


def equal_negatives_loss(alpha: Any, beta: Any, temperature: Any, k: Any) -> float | Tensor:
    """InfoNCE (nats) of a positive of score α against K negatives that all have score β: exact, not approximate.

    ln(1 + K exp((β − α)/τ)) = softplus((β + τ ln K − α)/τ); a loss of 4e-18 comes out as 4e-18. Numbers give a
    float, arrays broadcast to a tensor. Errors as in `effective_margin`.
    Source: InfoNCE, van den Oord et al. (2018).

    >>> round(equal_negatives_loss(0.5, 0.1, 0.1, 100), 4), f"{equal_negatives_loss(1, -1, 0.05, 1):.4g}"
    (1.0408, '4.248e-18')
    """

    def formula(**at: Tensor) -> Tensor:
        line = _line(**at)
        return torch.logaddexp(
            line, torch.zeros_like(line)
        )  # F.softplus is off by 2e-9 past its cut-off at 20

    return calculate(formula, alpha=alpha, beta=beta, temperature=temperature, k=k)


def linear_loss(alpha: Any, beta: Any, temperature: Any, k: Any) -> float | Tensor:
    """(β + τ ln K − α)/τ (nats): the straight line that `equal_negatives_loss` approaches far below the threshold.

    The raw line: it goes on below zero once α passes β + τ ln K. The exact loss lies above it
    by softplus(−line), at most ln 2 where the line is not negative. Shapes as in `equal_negatives_loss`, errors
    as in `effective_margin`.
    Source: softplus(x) = x + softplus(−x).

    >>> round(linear_loss(0.5, 0.1, 0.1, 100), 4), round(linear_loss(0.9, 0.1, 0.1, 100), 4)
    (0.6052, -3.3948)
    """
    return calculate(_line, alpha=alpha, beta=beta, temperature=temperature, k=k)


def hit_probability(rho: Any, k: Any) -> float | Tensor:
    """1 − (1 − ρ)^K: the chance that K independent draws hold at least one of a share ρ.

    Through expm1 and log1p, so ρ = 1e-17 is no zero. Numbers give a float, arrays broadcast to a tensor. Raises
    ValueError for ρ outside [0, 1], k not whole or < 1, and shapes that do not broadcast. Source: K Bernoulli trials, all of which fail with probability (1 − ρ)^K.

    >>> round(hit_probability(0.01, 299), 6)
    0.950464
    """

    def formula(rho: Tensor, k: Tensor) -> Tensor:
        below = torch.where(rho < 1, rho, 0.5)  # log1p has no slope at ρ = 1
        return torch.where(rho < 1, -torch.expm1(k * torch.log1p(-below)), 1 - (1 - rho) ** k)

    return calculate(formula, rho=rho, k=k)


def smallest_k(rho: Any, q: Any) -> int:
    """The smallest K with 1 − (1 − ρ)^K >= q, as an exact integer (draws with replacement).

    ρ and q are numbers in [0, 1], read as the decimals that were typed (0.1 is 1/10); Fraction and Decimal are
    welcome. q = 0 needs no draw. Raises ValueError where no K is enough: ρ = 0 < q, and ρ < q = 1.
    Source: K = ⌈ln(1 − q)/ln(1 − ρ)⌉, decided in exact arithmetic.

    >>> smallest_k(0.01, 0.95), smallest_k(0.25, 0.578125), smallest_k(1e-12, 0.95)
    (299, 3, 2995732273553)
    """
    share, wanted = probability(rho, "rho"), probability(q, "q")
    if wanted == 0:
        return 0
    if share == 1:
        return 1
    if share == 0 or wanted == 1:
        raise ValueError(f"no K reaches q={q} with rho={rho}")
    return smallest_power(1 - share, 1 - wanted)


def smallest_k_finite(pool: int, hard: int, q: Any) -> int:
    """The smallest K that holds one of `hard` among `pool` items with probability >= q, drawn without replacement.

    The smallest K with C(N − M, K)/C(N, K) <= 1 − q for N = pool >= 1 and 0 <= M = hard <= N, as an exact
    integer; q is read as in `smallest_k`. q = 0 needs no draw, q = 1 needs N − M + 1.
    Raises ValueError for hard > pool, and for hard = 0 < q.
    Source: the hypergeometric distribution.

    >>> smallest_k_finite(100, 1, 0.95), smallest_k_finite(1000, 10, 0.95)
    (95, 258)
    """
    n, m = whole(pool, "pool", minimum=1), whole(hard, "hard", minimum=0)
    wanted = probability(q, "q")
    if m > n:
        raise ValueError(f"hard must be <= pool, got hard={m} and pool={n}")
    if wanted == 0:
        return 0
    if m == 0:
        raise ValueError(f"no K reaches q={q} with hard=0: the pool of {n} holds no hit")
    return n - m + 1 if wanted == 1 else smallest_draw(n, m, Fraction(1) - wanted)


def _entropy(scores: Tensor, tau: Tensor) -> Tensor:
    drop, others = _drops(scores, tau)
    weight = torch.where(others, torch.exp(-drop), 0.0)
    rest = weight.sum(-1)  # Z − 1
    return torch.log1p(rest) + (weight * drop).sum(-1) / (1 + rest)


def _drops(scores: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """(max − s)/τ, and a mask of all places but one maximum. Picking that one keeps every derivative right at ties."""
    top = scores.argmax(-1, keepdim=True)
    gap = scores.gather(-1, top) - scores
    limit = (tau * _UNDERFLOW).detach()
    return torch.minimum(gap, limit) / tau, torch.ones_like(gap, dtype=torch.bool).scatter(-1, top, False)


def _scores(scores: Any) -> Tensor:
    values = as_float(scores, "scores")
    if values.dim() == 0:
        raise ValueError(f"scores must have a last axis of K negatives, got the number {values.item()}")
    return widen(values)


def _scores_and_tau(scores: Any, temperature: Number) -> tuple[Tensor, Tensor]:
    values = _scores(scores)
    tau = torch.as_tensor(positive(temperature, "temperature"), dtype=values.dtype, device=values.device)
    if not tau > 0:
        raise ValueError(f"temperature must be > 0 in {values.dtype}, got {float(temperature)!r}")
    return values, tau


def _dtype(scores: Any) -> torch.dtype:
    return as_float(scores, "scores", finite=False).dtype


def _line(alpha: Tensor, beta: Tensor, temperature: Tensor, k: Tensor) -> Tensor:
    return (beta - alpha) / temperature + k.log()
