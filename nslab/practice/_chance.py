"""Chance in an answer: was the given generator used, and do its draws depend on one another?"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np


class Watched(np.random.Generator):
    """A generator that keeps its latest copy, so that one can see whether the copy was drawn from."""

    latest: np.random.Generator | None = None

    def __deepcopy__(self, memo: Any) -> np.random.Generator:
        self.latest = np.random.Generator(copy.deepcopy(self.bit_generator))
        return self.latest

    def unused(self) -> bool:
        return self.latest is not None and self.latest.bit_generator.state == self.bit_generator.state


def pairs_alike(ids: np.ndarray) -> tuple[float, float]:
    """How many more pairs of adjacent ids are equal than by chance, and the variance of that.

    The ids are taken two by two: first and second, third and fourth.
    """
    pairs = ids[: len(ids) // 2 * 2].reshape(-1, 2)
    luck = ((np.unique(ids, return_counts=True)[1] / max(1, len(ids))) ** 2).sum()
    alike = (pairs[:, 0] == pairs[:, 1]).sum()
    return float(alike - len(pairs) * luck), float(len(pairs) * luck * (1 - luck))
