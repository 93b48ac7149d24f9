"""Distributions over ids: who proposes the negatives, drawn on any torch device with float64."""

from __future__ import annotations

from functools import cached_property
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from nslab._alias import build_table, column_units, draw, pack, random63, rank_below
from nslab._checks import Number, as_float, as_ids, first_bad, number, positive, whole


def unigram(counts: Any, alpha: Number = 0.75) -> Tensor:
    """Probabilities proportional to counts**alpha, float64; counts (n,) -> (n,). A zero count stays zero.

    Any finite alpha is legal: 1 keeps the counts, 0 is uniform over what was seen, negative favours the rare.
    Raises ValueError if counts are negative, not finite, all zero, or not one axis.
    Source: Mikolov et al., "Distributed representations of words and phrases" (2013), alpha = 0.75.

    >>> unigram([1000, 1, 0]).round(decimals=5)
    tensor([0.9944, 0.0056, 0.0000], dtype=torch.float64)
    """
    seen = _weights(counts, "counts")
    power = float(number(alpha, "alpha"))
    largest = (
        seen.max() if power >= 0 else seen[seen > 0].min()
    )  # the one with the largest power: no overflow
    powers = torch.where(seen > 0, (seen / largest) ** power, 0.0)
    return powers / powers.sum()


class AliasTable:
    """Draws ids with probability weights / sum(weights), in constant time a draw after one vectorised build.

    weights (n,), non-negative, not all zero, 1 <= n < 2**31; zero weights are never drawn. The table is built
    in float64 and int64 on `device` (default: where the weights are), with 2^k columns, n or up to twice as many: while
    drawing, it takes at most 24 bytes an id.

    Column i keeps its own id with probability keep[i], else gives alias[i]. One draw takes one 63-bit integer: its low
    k bits are the column, the rest is the coin, and a draw is one look-up, a minimum and two masks. The total variation
    distance to the weights is at most the coin's step, 2^(k-63) <= n·2^-62: 2e-12 at n = 10⁷, 2.4e-10 at the limit.

    Source: Walker (1977), Vose (1991); built by prefix sums as in Hübschle-Schneider & Sanders (2019).

    >>> table = AliasTable([5, 3, 0, 2])
    >>> table.probabilities()
    tensor([0.5000, 0.3000, 0.0000, 0.2000], dtype=torch.float64)
    >>> table.sample((2, 3), generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2, 3])
    """

    def __init__(self, weights: Any, device: torch.device | str | None = None) -> None:
        values = _weights(weights, "weights", device)
        if len(values) >= 2**31:
            raise ValueError(f"weights must be fewer than 2**31, got {len(values)}")
        keep, alias = build_table(values, 1 << (len(values) - 1).bit_length())
        self._words = pack(keep, alias)
        self._keep = keep[: len(values)].clone()  # to the last bit; no column past n keeps anything

    def __len__(self) -> int:
        return len(self._keep)

    def __repr__(self) -> str:
        return f"AliasTable({len(self)} weights, device={str(self._words.device)!r})"

    def probabilities(self) -> Tensor:
        """The probability of every id, (n,) float64, rebuilt from the table's columns.

        Whole units are added in int64 and the fractions of a unit beside them, so that nothing is lost in long sums.

        >>> AliasTable([1, 0, 3]).probabilities()
        tensor([0.2500, 0.0000, 0.7500], dtype=torch.float64)
        """
        columns = len(self._words)
        unit = column_units(columns)
        mass = torch.nn.functional.pad(self._keep, (0, columns - len(self))) * unit
        units = mass.round()
        fraction = mass - units
        units, alias = units.to(torch.int64), self._words & (columns - 1)
        units = units.index_add(0, alias, unit - units)
        fraction = fraction.index_add(0, alias, -fraction)
        return (units.double().add_(fraction) / (unit * columns))[: len(self)]

    def log_prob(self, ids: Any) -> Tensor:
        """ln q of each id, float64 nats, in the shape of ids; −inf for a zero weight.

        Raises TypeError if ids are not integers, ValueError if one lies outside [0, n).

        >>> AliasTable([1, 0, 3]).log_prob([2, 1])
        tensor([-0.2877,    -inf], dtype=torch.float64)
        """
        return self._log_q[as_ids(ids, "ids", size=len(self)).to(self._log_q.device)]

    @cached_property
    def _log_q(self) -> Tensor:
        return self.probabilities().log_()

    def sample(self, size: int | tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
        """Draw independent ids.

        The same seed gives the same ids, whatever the number of threads; another kind of device gives others.

        Args:
            size: the shape of the result; an int n stands for (n,). A size of 0 gives an empty tensor.
            generator: the source of randomness, on the table's device; torch's own by default.

        Returns:
            int64 ids of shape `size`, on the table's device.

        Raises:
            TypeError: a size is not an integer, or the generator is none.
            ValueError: a size is negative, or the generator lives on another device.

        Example:
            >>> AliasTable([0, 1, 0]).sample(4)
            tensor([1, 1, 1, 1])
        """
        return draw(self._words, _shape(size), _on(self._words.device, generator))


class ExclusionWindow:
    """Negatives for an anchor in a sequence of `length` frames: every frame more than `window` steps away.

    1 <= length < 2**31, 0 <= window < length. Excludes near frames as likely false negatives, and with them
    hard true ones; anchors near an end keep more candidates than anchors inside.
    Source: the single-view negatives of Sermanet et al., "Time-contrastive networks" (2018).

    >>> frames = ExclusionWindow(length=100, window=5)
    >>> frames.count(0), frames.count(50)
    (94, 89)
    """

    def __init__(self, length: int, window: int) -> None:
        self.length = whole(length, "length", minimum=1)
        self.window = whole(window, "window", minimum=0)
        if self.length >= 2**31:
            raise ValueError(f"length must be < 2**31, got {self.length}")
        if self.window >= self.length:
            raise ValueError(f"window must be < length, got window={self.window} and length={self.length}")

    def __repr__(self) -> str:
        return f"ExclusionWindow(length={self.length}, window={self.window})"

    def allowed(self, anchor: int) -> Tensor:
        """The ids of all allowed negatives, int64 (count,), ascending; empty if the window covers the sequence.

        >>> ExclusionWindow(length=6, window=1).allowed(2)
        tensor([0, 4, 5])
        """
        place = self._anchors(whole(anchor, "anchor", minimum=0), "anchor")
        frames = torch.arange(self.length)
        return frames[(frames - place).abs() > self.window]

    def count(self, anchor: Any) -> Any:
        """How many negatives are allowed: an int for one anchor, an int64 tensor for an array of anchors.

        >>> ExclusionWindow(length=6, window=1).count([0, 2])
        tensor([4, 3])
        """
        before, after = self._sides(self._anchors(anchor, "anchor"))
        total = before + after
        return int(total) if isinstance(anchor, Integral) else total

    def sample(self, anchors: Any, k: int, generator: torch.Generator | None = None) -> Tensor:
        """k allowed negatives for each anchor, uniform with replacement; anchors (n,) -> (n, k) int64.

        A rank among the allowed is drawn, and ranks past the left side jump over the window: no rejection.
        Raises ValueError if an anchor is out of range or has no allowed negative.

        >>> ExclusionWindow(length=6, window=2).sample([0, 5], 50).unique()
        tensor([0, 1, 2, 3, 4, 5])
        """
        places = self._anchors(anchors, "anchors")
        if places.dim() != 1:
            raise ValueError(f"anchors must have one axis, got shape {tuple(places.shape)}")
        before, after = self._sides(places)
        total = before + after
        first_bad(places, total == 0, f"anchors must have a negative more than {self.window} steps away")
        shape = (len(places), whole(k, "k", minimum=1))
        random = random63(shape, places.device, _on(places.device, generator))
        rank = rank_below(random, total.unsqueeze(1))
        gap = self.length - total
        return torch.where(rank < before.unsqueeze(1), rank, rank + gap.unsqueeze(1))

    def _anchors(self, value: Any, name: str) -> Tensor:
        return as_ids(value, name, size=self.length)

    def _sides(self, places: Tensor) -> tuple[Tensor, Tensor]:
        return (places - self.window).clamp(min=0), (self.length - 1 - places - self.window).clamp(min=0)


def propose(
    scores: Any, k: int, temperature: Number = 1.0, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """k negatives a row from the model itself: ids ~ softmax(scores / τ) with replacement, and their ln q.

    scores (..., N) -> ids (..., k) int64 and log_q (..., k) in the dtype of scores, both detached. No limit
    at 2**24 categories. The distribution function is an integer one, in steps of 2^-62: monotone whatever the
    order of summation, so that an id of zero probability is never proposed.
    Raises ValueError or TypeError on empty or non-finite scores, k < 1, τ <= 0.
    Sources: the model as its own noise, Goodfellow (2014); adaptive proposals and their correction, Bengio &
    Senécal (2008).

    >>> ids, log_q = propose([0.0, 50.0, 0.0], 2)
    >>> ids, log_q.exp()
    (tensor([1, 1]), tensor([1., 1.], dtype=torch.float64))
    """
    values = as_float(scores, "scores")
    if values.dim() == 0:
        raise ValueError(f"scores must have a last axis of N candidates, got the number {values.item()}")
    shape = (*values.shape[:-1], whole(k, "k", minimum=1))
    tau = float(positive(temperature, "temperature"))
    exact = values.detach().double()
    logits = (exact - exact.amax(-1, keepdim=True)) / tau
    log_q = logits - logits.logsumexp(-1, keepdim=True)
    steps = (log_q.exp() * 2.0**62).to(torch.int64).cumsum(-1)
    uniform = torch.rand(
        shape, dtype=torch.float64, device=values.device, generator=_on(values.device, generator)
    )
    total = steps[..., -1:]
    drawn = (uniform * total).to(torch.int64).clamp(max=total - 1)
    ids = torch.searchsorted(steps, drawn, right=True)
    return ids, log_q.gather(-1, ids).to(values.dtype)


def _weights(value: Any, name: str, device: torch.device | str | None = None) -> Tensor:
    weights = as_float(value, name).detach()
    if weights.dim() != 1:
        raise ValueError(f"{name} must have one axis, got shape {tuple(weights.shape)}")
    try:
        weights = weights.to(device=device, dtype=torch.float64)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ValueError(
            f"device must be one that torch can use here with float64, got {device!r}: {error}"
        ) from None
    smallest, largest = weights.aminmax()
    if smallest < 0:
        first_bad(weights, weights < 0, f"{name} must be >= 0")
    if largest == 0:
        raise ValueError(f"{name} must not all be 0, got {len(weights)} zeros")
    return weights


def _on(device: torch.device, generator: torch.Generator | None) -> torch.Generator | None:
    if generator is not None and not isinstance(generator, torch.Generator):
        raise TypeError(f"generator must be a torch.Generator, got {generator!r}")
    if generator is not None and _place(generator.device) != _place(device):
        raise ValueError(f"generator must live on {device}, got one on {generator.device}")
    return generator


def _place(device: torch.device) -> tuple[str, int]:
    return device.type, device.index or 0


def _shape(size: Any) -> tuple[int, ...]:
    sizes = size if isinstance(size, tuple) else (size,)
    if not sizes:
        raise ValueError("size must hold at least one number, got ()")
    return tuple(whole(one, "size", minimum=0) for one in sizes)
