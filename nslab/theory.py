"""Closed forms and calculators: entropy of the softmax, the margin hidden in InfoNCE, how many negatives."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import torch
from torch import Tensor

from nslab._calculate import calculate
from nslab._checks import ArrayLike, Number, as_float, as_int, positive, raise_at_first, widen
from nslab._exact import probability, smallest_draw, smallest_power

_UNDERFLOW = 1000.0  # exp(-1000) is 0 in every dtype: larger gaps change nothing


def softmax_entropy(scores: ArrayLike, temperature: Number) -> Tensor:
    """The entropy H of p = softmax(s/τ) over the last axis, in nats.

    H = ln Z − E_p[s]/τ, computed from scores shifted by their maximum and with log1p, so that a tiny H
    keeps its digits. H rises with τ, from ln(number of maxima) at τ → 0 to ln K at τ → ∞. Half precision
    is computed in float32. The result is differentiable in both arguments.

    Args:
        scores: scores of K negatives in the last axis, (..., K).
        temperature: τ > 0, in the unit of the scores.

    Returns:
        H, (...), in the dtype of the scores.

    Raises:
        ValueError: scores are empty or not finite, or τ is not positive.
        TypeError: an argument is not numeric.

    Source:
        Shannon, A Mathematical Theory of Communication, 1948.

    Example:
        >>> softmax_entropy([0.9, 0.5, 0.3, 0.0, -0.4], 0.1).round(decimals=4)
        tensor(0.1082, dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    return _entropy(values, tau).to(_dtype(scores))


def softmax_entropy_slope(scores: ArrayLike, temperature: Number) -> Tensor:
    """The slope dH/dτ = Var_p(s)/τ³ of the entropy, with p = softmax(s/τ).

    The variance is taken under p; the plain variance of the scores gives a wrong slope. The slope is never
    negative. It is zero only if all scores are equal, and in the limits τ → 0 and τ → ∞.

    Args:
        scores: scores of K negatives in the last axis, (..., K).
        temperature: τ > 0, in the unit of the scores.

    Returns:
        dH/dτ in nats per unit of score, (...), in the dtype of the scores.

    Raises:
        ValueError: scores are empty or not finite, or τ is not positive.
        TypeError: an argument is not numeric.

    Source:
        With b = 1/τ, H = ln Z − b (ln Z)' gives dH/db = −b Var_p(s): the fluctuation formula of
        statistical mechanics (Jaynes, Information Theory and Statistical Mechanics, 1957).

    Example:
        >>> softmax_entropy_slope([0.9, 0.5, 0.3, 0.0, -0.4], 0.1).round(decimals=4)
        tensor(3.7697, dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    drop, _ = _drops(values, tau)
    p = torch.softmax(-drop, dim=-1)
    centred = drop - (p * drop).sum(-1, keepdim=True)
    return ((p * centred**2).sum(-1) / tau).to(_dtype(scores))


def effective_negatives(scores: ArrayLike, temperature: Number) -> Tensor:
    """The effective number of negatives exp H: how many equal weights would be as spread out.

    Args:
        scores: scores of K negatives in the last axis, (..., K).
        temperature: τ > 0, in the unit of the scores.

    Returns:
        A number between 1 and K for each row, (...), in the dtype of the scores.

    Raises:
        ValueError: scores are empty or not finite, or τ is not positive.
        TypeError: an argument is not numeric.

    Source:
        Perplexity: Jelinek et al., Perplexity, a measure of the difficulty of speech recognition tasks, 1977.

    Example:
        >>> effective_negatives([0.5, 0.5, -3.0], 0.1).round(decimals=4)
        tensor(2., dtype=torch.float64)
    """
    values, tau = _scores_and_tau(scores, temperature)
    return _entropy(values, tau).exp().to(_dtype(scores))


def temperature_for_entropy(scores: ArrayLike, target: ArrayLike) -> Tensor:
    """The temperature at which the entropy of softmax(s/τ) is `target`.

    H never falls as τ grows, so bisection in ln τ finds the only root, to float64 precision.

    Args:
        scores: scores of K negatives in the last axis, (..., K), not all equal.
        target: the wanted entropy in nats; it broadcasts to (...). For n effective negatives, ln n.

    Returns:
        τ for each row, (...), in the dtype of the scores, detached from the graph.

    Raises:
        ValueError: all scores of a row are equal (no τ changes H), or target lies outside the open
            interval from ln(number of maxima) to ln K (no τ reaches it), or the dtype cannot hold the
            root.
        TypeError: an argument is not numeric.

    Source:
        The perplexity calibration of SNE: Hinton & Roweis, Stochastic Neighbor Embedding, NIPS 2002.

    Example:
        >>> temperature_for_entropy([0.9, 0.5, 0.3, 0.0, -0.4], 1.0).round(decimals=4)
        tensor(0.3201, dtype=torch.float64)
    """
    values = _scores(scores).detach().double()
    rows = values.shape[:-1]
    gap = values.amax(-1, keepdim=True) - values
    spread = gap.amax(-1)
    raise_at_first(values[..., 0], spread == 0, "scores must not all be equal: no temperature changes H")
    wanted = as_float(target, "target").detach().to(values)
    try:
        wanted = wanted.expand(rows)
    except RuntimeError:
        raise ValueError(f"target must broadcast to {tuple(rows)}, got shape {tuple(wanted.shape)}") from None
    floor, ceiling = (gap == 0).sum(-1).double().log(), math.log(values.shape[-1])
    bounds = f"({floor.min().item():.6g}, {ceiling:.6g})"
    rule = f"target must lie strictly between ln(number of maxima) and ln K, in {bounds}"
    raise_at_first(wanted, (wanted <= floor) | (wanted >= ceiling), rule)

    unit = -gap / spread.unsqueeze(-1)  # the scores again, scaled to a spread of 1
    nearest = torch.where(gap > 0, -unit, torch.inf).amin(-1)
    low, high = (nearest / _UNDERFLOW).log(), torch.full(rows, math.log(1e9)).to(values)
    for _ in range(80):  # the widest bracket, 800 nats, shrinks below one rounding
        middle = (low + high) / 2
        below = _entropy(unit, middle.exp().unsqueeze(-1)) < wanted
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    root = (((low + high) / 2).exp() * spread).to(_dtype(scores))
    lost = ~root.isfinite() | (root == 0)
    raise_at_first(wanted, lost, f"target needs a temperature that {root.dtype} cannot hold")
    return root


def effective_margin(k: ArrayLike, temperature: ArrayLike, beta: ArrayLike = 0.0) -> float | Tensor:
    """The score s⁺ = β + τ ln K at which InfoNCE against K equal negatives is ln 2.

    There the positive has half of the softmax weight. With β the negatives' score s⁻, it is a threshold
    for s⁺. With β = 0 it is the margin τ ln K on the gap s⁺ − s⁻.

    Args:
        k: number of negatives, whole, at least 1.
        temperature: τ > 0, in the unit of the scores.
        beta: the negatives' score s⁻.

    Returns:
        A score: a float for numbers; a tensor for arrays, which broadcast.

    Raises:
        ValueError: k is not whole or below 1, τ is not positive, something is not finite, or shapes do not
            broadcast.
        TypeError: an argument is not a real number.

    Source:
        The loss of `equal_negatives_loss` set to ln 2.

    Example:
        >>> round(effective_margin(255, 0.07), 4), round(effective_margin(255, 0.07, beta=0.1), 4)
        (0.3879, 0.4879)
    """

    def formula(k: Tensor, temperature: Tensor, beta: Tensor) -> Tensor:
        return beta + temperature * k.log()

    return calculate(formula, k=k, temperature=temperature, beta=beta)


def equal_negatives_loss(
    alpha: ArrayLike, beta: ArrayLike, temperature: ArrayLike, k: ArrayLike
) -> float | Tensor:
    """InfoNCE of a positive against K negatives that all have the same score: exact.

    ln(1 + K exp((s⁻ − s⁺)/τ)) = softplus((s⁻ + τ ln K − s⁺)/τ). Tiny losses keep their digits.

    Args:
        alpha: the positive's score s⁺.
        beta: the score s⁻ of every negative.
        temperature: τ > 0, in the unit of the scores.
        k: number of negatives, whole, at least 1.

    Returns:
        The loss in nats: a float for numbers; a tensor for arrays, which broadcast.

    Raises:
        ValueError: k is not whole or below 1, τ is not positive, something is not finite, or shapes do not
            broadcast.
        TypeError: an argument is not a real number.

    Source:
        van den Oord, Li & Vinyals, Representation Learning with Contrastive Predictive Coding, 2018
        (InfoNCE).

    Example:
        >>> round(equal_negatives_loss(0.5, 0.1, 0.1, 100), 4), f"{equal_negatives_loss(1, -1, 0.05, 1):.4g}"
        (1.0408, '4.248e-18')
    """

    def formula(**at: Tensor) -> Tensor:
        line = _line(**at)
        return torch.logaddexp(
            line, torch.zeros_like(line)
        )  # F.softplus is off by 2e-9 past its cut-off at 20

    return calculate(formula, alpha=alpha, beta=beta, temperature=temperature, k=k)


def linear_loss(alpha: ArrayLike, beta: ArrayLike, temperature: ArrayLike, k: ArrayLike) -> float | Tensor:
    """The straight line (s⁻ + τ ln K − s⁺)/τ that `equal_negatives_loss` follows far below the threshold.

    The line continues below zero once s⁺ passes s⁻ + τ ln K. The exact loss lies above it by
    softplus(−line), which is at most ln 2 where the line is not negative.

    Args:
        alpha: the positive's score s⁺.
        beta: the score s⁻ of every negative.
        temperature: τ > 0, in the unit of the scores.
        k: number of negatives, whole, at least 1.

    Returns:
        A number of nats, possibly negative: a float for numbers; a tensor for arrays, which broadcast.

    Raises:
        ValueError: k is not whole or below 1, τ is not positive, something is not finite, or shapes do not
            broadcast.
        TypeError: an argument is not a real number.

    Source:
        softplus(x) = x + softplus(−x).

    Example:
        >>> round(linear_loss(0.5, 0.1, 0.1, 100), 4), round(linear_loss(0.9, 0.1, 0.1, 100), 4)
        (0.6052, -3.3948)
    """
    return calculate(_line, alpha=alpha, beta=beta, temperature=temperature, k=k)


def hit_probability(rho: ArrayLike, k: ArrayLike) -> float | Tensor:
    """The probability 1 − (1 − ρ)^K that K independent draws contain at least one hard item.

    Computed with expm1 and log1p, so that a tiny ρ such as 1e-17 does not become 0.

    Args:
        rho: the share ρ of hard items, in [0, 1].
        k: number of draws, whole, at least 1.

    Returns:
        A probability: a float for numbers; a tensor for arrays, which broadcast.

    Raises:
        ValueError: ρ lies outside [0, 1], k is not whole or below 1, or shapes do not broadcast.
        TypeError: an argument is not a real number.

    Source:
        K Bernoulli trials all fail with probability (1 − ρ)^K.

    Example:
        >>> round(hit_probability(0.01, 299), 6)
        0.950464
    """

    def formula(rho: Tensor, k: Tensor) -> Tensor:
        below = torch.where(rho < 1, rho, 0.5)  # log1p has no slope at ρ = 1
        return torch.where(rho < 1, -torch.expm1(k * torch.log1p(-below)), 1 - (1 - rho) ** k)

    return calculate(formula, rho=rho, k=k)


def smallest_k(rho: Any, q: Any) -> int:
    """The smallest K with 1 − (1 − ρ)^K ≥ q, exactly; draws with replacement.

    Args:
        rho: the share ρ of hard items, in [0, 1]. A float is read as the decimal that was typed (0.1 is
            1/10); Fraction and Decimal are welcome.
        q: the wanted probability of a hit, in [0, 1], read in the same way.

    Returns:
        K, an exact integer; 0 if q = 0.

    Raises:
        ValueError: ρ or q lies outside [0, 1], or no K is enough (ρ = 0 < q, or ρ < q = 1).
        TypeError: an argument is not a real number.

    Source:
        K = ⌈ln(1 − q)/ln(1 − ρ)⌉, decided in exact arithmetic.

    Example:
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
    """The smallest K that finds a hard item with probability at least q, drawn without replacement.

    It is the smallest K with C(N − M, K)/C(N, K) ≤ 1 − q, for N = `pool` items of which M = `hard` are hard.

    Args:
        pool: number of items N, at least 1.
        hard: number of hard items M, from 0 to N.
        q: the wanted probability of a hit, in [0, 1], read as in `smallest_k`.

    Returns:
        K, an exact integer; 0 if q = 0, and N − M + 1 if q = 1.

    Raises:
        ValueError: hard is larger than pool, hard = 0 < q, or q lies outside [0, 1].
        TypeError: pool or hard is not an integer, or q is not a real number.

    Source:
        The hypergeometric distribution.

    Example:
        >>> smallest_k_finite(100, 1, 0.95), smallest_k_finite(1000, 10, 0.95)
        (95, 258)
    """
    n, m = as_int(pool, "pool", minimum=1), as_int(hard, "hard", minimum=0)
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
    """(max − s)/τ, and a mask of all places but one maximum.

    Picking one maximum keeps every derivative right at ties.
    """
    top = scores.argmax(-1, keepdim=True)
    gap = scores.gather(-1, top) - scores
    limit = (tau * _UNDERFLOW).detach()
    return torch.minimum(gap, limit) / tau, torch.ones_like(gap, dtype=torch.bool).scatter(-1, top, False)


def _scores(scores: ArrayLike) -> Tensor:
    values = as_float(scores, "scores")
    if values.dim() == 0:
        raise ValueError(f"scores must have a last axis of K negatives, got the number {values.item()}")
    return widen(values)


def _scores_and_tau(scores: ArrayLike, temperature: Number) -> tuple[Tensor, Tensor]:
    values = _scores(scores)
    tau = torch.as_tensor(positive(temperature, "temperature"), dtype=values.dtype, device=values.device)
    if not tau > 0:
        raise ValueError(f"temperature must be > 0 in {values.dtype}, got {float(temperature)!r}")
    return values, tau


def _dtype(scores: ArrayLike) -> torch.dtype:
    return as_float(scores, "scores", finite=False).dtype


def _line(alpha: Tensor, beta: Tensor, temperature: Tensor, k: Tensor) -> Tensor:
    return (beta - alpha) / temperature + k.log()
