"""Noise-contrastive estimation on a handful of states, exactly.

Every sum runs over all states; nothing is sampled.

The model gives each state x a score s(x), its log-probability. The data are p_data; one data point stands
against k draws from the noise q, and the logit that tells them apart is G = s − ln(k q). Everything is
float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nslab._checks import ArrayLike, as_float, as_int, one_of, positive, raise_at_first, sums_to_one
from nslab.losses import _softplus

MODES = ("fixed", "stop_grad", "log_q_only", "measure", "full", "uncorrected")


def nce_objective(scores: ArrayLike, p_data: ArrayLike, q: ArrayLike, k: int) -> Tensor:
    """The objective of NCE, J = Σ p_data ln σ(G) + k Σ q ln σ(−G) with G = s − ln(k q).

    NCE maximises J. Over all scores, J is largest where e^s = p_data, whatever q is.

    Args:
        scores: the model's log-probability of each state, (..., N).
        p_data: the probability of each state in the data, (N,).
        q: the probability of each state in the noise, (N,) or the shape of the scores; above 0 everywhere,
            because a state that is never drawn as noise is never pushed down.
        k: noise draws for each data point, at least 1.

    Returns:
        J in nats, at most 0, float64, (...).

    Raises:
        ValueError: k is below 1, shapes do not match, probabilities are negative or do not sum to 1 within
            1e-6, or q is 0 somewhere.
        TypeError: an argument is of a wrong type.

    Source:
        Gutmann & Hyvärinen, AISTATS 2010 and JMLR 2012.

    Example:
        >>> nce_objective([-0.7, -0.7], [0.5, 0.5], [0.5, 0.5], k=1)
        tensor(-1.3863, dtype=torch.float64)
    """
    s, p = _scores_and_data(scores, p_data)
    q = _noise(q, s, "q")
    return _objective(s, p, q, q, as_int(k, "k", minimum=1))


def nce_gradient(
    scores: ArrayLike,
    p_data: ArrayLike,
    noise: ArrayLike | Callable[[Tensor], Tensor],
    k: int,
    mode: str = "stop_grad",
    *,
    normalized: bool = False,
) -> Tensor:
    """The gradient of J with respect to the scores, along chosen paths.

    The scores enter J in three ways: through the model's s in G; through ln q in G, if the noise is made
    from the scores; and through the q that the draws come from. `mode` says along which of them the
    gradient flows:

    - "fixed": s only; `noise` must be probabilities;
    - "stop_grad": s only, with q computed from the scores and held: k q (p_data − e^s) / (e^s + k q);
    - "log_q_only": s and ln q, with the draws held. Autograd does this where discrete draws are not detached;
    - "measure": s and the draws, with ln q held;
    - "full": all three;
    - "uncorrected": s only, and G = s: nothing is subtracted.

    Args:
        scores: the model's log-probability of each state, (..., N).
        p_data: the probability of each state in the data, (N,).
        noise: probabilities of a noise that never changes, or a function scores -> q that torch can
            differentiate.
        k: noise draws for each data point, at least 1.
        mode: one of the six above.
        normalized: True if the model's log-probabilities are ln softmax(scores) and not the scores
            themselves; the noise function then gets them too.

    Returns:
        The gradient, float64, (..., N).

    Raises:
        ValueError: as in `nce_objective`, or the mode is unknown.
        TypeError: mode "fixed" with a function as noise.

    Source:
        Gutmann & Hyvärinen, AISTATS 2010. For noise = softmax: Goodfellow, On Distinguishability Criteria
        for Estimating Generative Models, 2014.

    Example:
        >>> softmax = lambda s: torch.softmax(s, -1)
        >>> half = torch.tensor([0.5, 0.5]).log()
        >>> nce_gradient(half, [0.8, 0.2], softmax, k=3)
        tensor([ 0.2250, -0.2250], dtype=torch.float64)
        >>> nce_gradient(half, [0.8, 0.2], softmax, k=3, mode="full", normalized=True).abs().max() < 1e-12
        tensor(True)
    """
    s, p = _scores_and_data(scores, p_data)
    one_of(mode, "mode", MODES)
    if mode == "fixed" and callable(noise):
        raise TypeError("noise must be probabilities where mode is 'fixed', got a function")
    with torch.enable_grad():
        s = s.detach().requires_grad_()
        log_p = torch.log_softmax(s, -1) if normalized else s
        q = _noise(noise(log_p) if callable(noise) else noise, s, "noise")
        subtracted = q if mode in ("log_q_only", "full") else q.detach()
        drawn = q if mode in ("measure", "full") else q.detach()
        k = as_int(k, "k", minimum=1)
        if mode == "uncorrected":
            subtracted = torch.full_like(q, 1 / k)  # ln(k/k) = 0
        return torch.autograd.grad(_objective(log_p, p, drawn, subtracted, k).sum(), s)[0]


def fixed_point(
    p_data: ArrayLike,
    noise: ArrayLike | Callable[[Tensor], Tensor],
    k: int,
    mode: str = "stop_grad",
    *,
    normalized: bool = False,
    start: ArrayLike | None = None,
    step: float = 0.2,
    tolerance: float = 1e-10,
    max_steps: int = 5000,
) -> Tensor:
    """The scores at which `nce_gradient` comes to rest when it is followed uphill.

    Each step moves the scores by step · gradient / p_data, until no |gradient| / p_data exceeds
    `tolerance`. If the gradient is 0 at the start, the start is the answer.

    Args:
        p_data: the probability of each state in the data, (N,), above 0 everywhere: the score of a state
            that never occurs would fall for ever.
        noise: as in `nce_gradient`.
        k: as in `nce_gradient`.
        mode: as in `nce_gradient`.
        normalized: as in `nce_gradient`.
        start: the scores to start from, (N,); −ln N everywhere by default.
        step: the step size, > 0.
        tolerance: the largest |gradient| / p_data at rest, > 0.
        max_steps: how many steps to try, at least 1.

    Returns:
        The scores, float64, (N,).

    Raises:
        ValueError: as in `nce_gradient`, or p_data is 0 somewhere.
        RuntimeError: max_steps are not enough, because the step is too large or there is no point of rest.

    Example:
        >>> fixed_point([0.8, 0.2], lambda s: torch.softmax(s, -1), k=3).exp()
        tensor([0.8000, 0.2000], dtype=torch.float64)
        >>> end = fixed_point([0.8, 0.2], lambda s: torch.softmax(s, -1), k=3, mode="uncorrected")
        >>> torch.softmax(end, -1)
        tensor([0.6667, 0.3333], dtype=torch.float64)
    """
    p = as_float(p_data, "p_data").double()
    raise_at_first(p, p <= 0, "p_data must be > 0 everywhere")
    s = torch.full_like(p, -math.log(len(p))) if start is None else _scores_and_data(start, p)[0].detach()
    size, small = positive(step, "step"), positive(tolerance, "tolerance")
    worst = math.inf
    for _ in range(as_int(max_steps, "max_steps", minimum=1)):
        direction = nce_gradient(s, p, noise, k, mode, normalized=normalized) / p
        worst = float(direction.abs().max())
        if worst <= small:
            return s
        s = s + size * direction
    raise RuntimeError(
        f"mode {mode!r} is not at rest after {max_steps} steps of {size}: |gradient| / p_data is still"
        f" {worst:.3g}"
    )


def _objective(log_p: Tensor, p: Tensor, drawn: Tensor, subtracted: Tensor, k: int) -> Tensor:
    logit = log_p - (k * subtracted).log()
    return -(p * _softplus(-logit)).sum(-1) - k * (drawn * _softplus(logit)).sum(-1)


def _scores_and_data(scores: ArrayLike, p_data: ArrayLike) -> tuple[Tensor, Tensor]:
    s, p = as_float(scores, "scores").double(), as_float(p_data, "p_data").double()
    if p.dim() != 1 or s.dim() == 0 or s.shape[-1] != len(p):
        got = f"scores {tuple(s.shape)} and p_data {tuple(p.shape)}"
        raise ValueError(f"scores must be (..., N) and p_data (N,), got {got}")
    raise_at_first(p, p < 0, "p_data must be >= 0")
    sums_to_one(p, "p_data")
    return s, p


def _noise(q: ArrayLike, scores: Tensor, name: str) -> Tensor:
    q = as_float(q, name).double()
    if q.shape not in (scores.shape, scores.shape[-1:]):
        raise ValueError(f"{name} must give (N,) or one q for each row of scores, got {tuple(q.shape)}")
    raise_at_first(
        q, q <= 0, f"{name} must be > 0 everywhere: a state never drawn as noise is never pushed down"
    )
    sums_to_one(q, name)
    return q
