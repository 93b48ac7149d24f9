"""Distributions over ids: who proposes the negatives, drawn on any torch device with float64."""

from __future__ import annotations

from functools import cached_property
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from nslab._alias import build_table, column_units, draw, pack, random63, rank_below
from nslab._checks import ArrayLike, Number, as_float, as_ids, as_int, number, positive, raise_at_first


def unigram(counts: ArrayLike, alpha: Number = 0.75) -> Tensor:
    """The distribution q ∝ counts^α over ids.

    Args:
        counts: how often each id occurs, (n,), at least 0, not all 0.
        alpha: the exponent α, any finite number. 1 keeps the frequencies, 0 is uniform over the ids that
            occur, and a negative α favours rare ids.

    Returns:
        Probabilities, float64, (n,). An id with count 0 gets 0 for every α.

    Raises:
        ValueError: counts are negative, not finite, all zero, or have more than one axis; or alpha is not
            finite.
        TypeError: counts or alpha are not numeric.

    Source:
        Mikolov et al., Distributed Representations of Words and Phrases, NeurIPS 2013 (α = 0.75).

    Example:
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
    """Draw ids with probability weights / sum(weights), in constant time per draw after one vectorised build.

    The table has 2^k columns, at least n and fewer than 2n. Column i keeps its own id with probability
    keep[i] and gives alias[i] otherwise. A draw takes one 63-bit integer: the low k bits choose the
    column, and the rest is the coin. The total variation distance to the weights is at most the coin's
    step, 2^(k−63) ≤ n·2^−62: 2e-12 at n = 10⁷. The build uses float64 and int64; while drawing, the table
    takes at most 24 bytes per id.

    Args:
        weights: (n,) with 1 ≤ n < 2³¹, at least 0, not all 0. An id of weight 0 is never drawn.
        device: where the table lives; by default, where the weights are.

    Raises:
        ValueError: weights are negative, not finite, all zero, too many, or have more than one axis; or
            torch cannot use the device with float64.
        TypeError: weights are not numeric.

    Source:
        Walker 1977 and Vose 1991; built by prefix sums as in Hübschle-Schneider & Sanders, Parallel
        Weighted Random Sampling, ESA 2019.

    Example:
        >>> table = AliasTable([5, 3, 0, 2])
        >>> table.probabilities()
        tensor([0.5000, 0.3000, 0.0000, 0.2000], dtype=torch.float64)
        >>> table.sample((2, 3), generator=torch.Generator().manual_seed(0)).shape
        torch.Size([2, 3])
    """

    def __init__(self, weights: ArrayLike, device: torch.device | str | None = None) -> None:
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
        """The probability of every id, computed back from the table's columns.

        Whole units are added in int64 and fractions of a unit separately, so that long sums lose nothing.

        Returns:
            Probabilities, float64, (n,).

        Example:
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

    def log_prob(self, ids: ArrayLike) -> Tensor:
        """The log-probability ln q of each id.

        Args:
            ids: integers in [0, n), of any shape.

        Returns:
            ln q in nats, float64, in the shape of ids; −inf for an id of weight 0.

        Raises:
            TypeError: ids are not integers.
            ValueError: an id lies outside [0, n).

        Example:
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
    """Negatives for an anchor in a sequence: every frame more than `window` steps away.

    Near frames are excluded because they are likely false negatives. Hard true negatives among them are
    excluded too, and an anchor near an end keeps more candidates than an anchor inside.

    Args:
        length: number of frames, 1 ≤ length < 2³¹.
        window: steps on each side of the anchor that are excluded, 0 ≤ window < length.

    Raises:
        ValueError: length or window is out of range.
        TypeError: length or window is not an integer.

    Source:
        The single-view negatives of Sermanet et al., Time-Contrastive Networks, ICRA 2018.

    Example:
        >>> frames = ExclusionWindow(length=100, window=5)
        >>> frames.count(0), frames.count(50)
        (94, 89)
    """

    def __init__(self, length: int, window: int) -> None:
        self.length = as_int(length, "length", minimum=1)
        self.window = as_int(window, "window", minimum=0)
        if self.length >= 2**31:
            raise ValueError(f"length must be < 2**31, got {self.length}")
        if self.window >= self.length:
            raise ValueError(f"window must be < length, got window={self.window} and length={self.length}")

    def __repr__(self) -> str:
        return f"ExclusionWindow(length={self.length}, window={self.window})"

    def allowed(self, anchor: int) -> Tensor:
        """The ids of all allowed negatives of one anchor.

        Args:
            anchor: a frame, in [0, length).

        Returns:
            Ids, int64, ascending; empty if the window covers the sequence.

        Raises:
            ValueError: the anchor is out of range.
            TypeError: the anchor is not an integer.

        Example:
            >>> ExclusionWindow(length=6, window=1).allowed(2)
            tensor([0, 4, 5])
        """
        place = self._anchors(as_int(anchor, "anchor", minimum=0), "anchor")
        frames = torch.arange(self.length)
        return frames[(frames - place).abs() > self.window]

    def count(self, anchor: ArrayLike) -> Any:
        """The number of allowed negatives.

        Args:
            anchor: a frame in [0, length), or an array of frames.

        Returns:
            An int for one anchor; an int64 tensor for an array.

        Raises:
            ValueError: an anchor is out of range.
            TypeError: an anchor is not an integer.

        Example:
            >>> ExclusionWindow(length=6, window=1).count([0, 2])
            tensor([4, 3])
        """
        before, after = self._sides(self._anchors(anchor, "anchor"))
        total = before + after
        return int(total) if isinstance(anchor, Integral) else total

    def sample(self, anchors: ArrayLike, k: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw k allowed negatives for each anchor, uniformly and with replacement.

        A rank among the allowed frames is drawn, and ranks past the left side skip the window, so that
        nothing is rejected.

        Args:
            anchors: frames in [0, length), (n,).
            k: number of negatives for each anchor, at least 1.
            generator: the source of randomness; torch's own by default.

        Returns:
            Ids, int64, (n, k).

        Raises:
            ValueError: an anchor is out of range or has no allowed negative, k is below 1, or the
                generator lives on another device.
            TypeError: anchors or k are not integers, or the generator is not a torch.Generator.

        Example:
            >>> ExclusionWindow(length=6, window=2).sample([0, 5], 50).unique()
            tensor([0, 1, 2, 3, 4, 5])
        """
        places = self._anchors(anchors, "anchors")
        if places.dim() != 1:
            raise ValueError(f"anchors must have one axis, got shape {tuple(places.shape)}")
        before, after = self._sides(places)
        total = before + after
        raise_at_first(places, total == 0, f"anchors must have a negative more than {self.window} steps away")
        shape = (len(places), as_int(k, "k", minimum=1))
        random = random63(shape, places.device, _on(places.device, generator))
        rank = rank_below(random, total.unsqueeze(1))
        gap = self.length - total
        return torch.where(rank < before.unsqueeze(1), rank, rank + gap.unsqueeze(1))

    def _anchors(self, value: ArrayLike, name: str) -> Tensor:
        return as_ids(value, name, size=self.length)

    def _sides(self, places: Tensor) -> tuple[Tensor, Tensor]:
        return (places - self.window).clamp(min=0), (self.length - 1 - places - self.window).clamp(min=0)


def propose(
    scores: ArrayLike, k: int, temperature: Number = 1.0, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Draw k negatives for each row from the model itself: ids ~ softmax(scores/τ), with replacement.

    The distribution function is summed in integers, in steps of 2^−62. So it is monotone whatever the
    order of summation, an id of zero probability is never drawn, and there is no limit at 2²⁴ candidates.

    Args:
        scores: scores of N candidates in the last axis, (..., N).
        k: number of draws for each row, at least 1.
        temperature: the proposal's temperature, > 0.
        generator: the source of randomness, on the scores' device; torch's own by default.

    Returns:
        ids (..., k), int64, and their log-probability ln q (..., k) in the dtype of the scores; both
        detached.

    Raises:
        ValueError: scores are empty or not finite, k is below 1, τ is not positive, or the generator lives
            on another device.
        TypeError: an argument is of a wrong type.

    Source:
        The model as its own noise: Goodfellow, On Distinguishability Criteria for Estimating Generative
        Models, 2014. Adaptive proposals and their correction: Bengio & Senécal, IEEE Transactions on
        Neural Networks, 2008.

    Example:
        >>> ids, log_q = propose([0.0, 50.0, 0.0], 2)
        >>> ids, log_q.exp()
        (tensor([1, 1]), tensor([1., 1.], dtype=torch.float64))
    """
    values = as_float(scores, "scores")
    if values.dim() == 0:
        raise ValueError(f"scores must have a last axis of N candidates, got the number {values.item()}")
    shape = (*values.shape[:-1], as_int(k, "k", minimum=1))
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


def _weights(value: ArrayLike, name: str, device: torch.device | str | None = None) -> Tensor:
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
        raise_at_first(weights, weights < 0, f"{name} must be >= 0")
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
    return tuple(as_int(one, "size", minimum=0) for one in sizes)
