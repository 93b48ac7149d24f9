"""The numbers of chapter 02, computed another way, and its data: rated pairs of words."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest

from nslab import datasets


@pytest.mark.parametrize(
    ("name", "file", "size"), [("wordsim353", "wordsim353.tsv", 353), ("simlex999", "simlex999.txt", 999)]
)
def test_word_similarity_is_the_bundled_file(name: str, file: str, size: int) -> None:
    with files("gensim").joinpath("test", "test_data", file).open(encoding="utf-8") as lines:
        rows = [row for row in csv.reader(lines, delimiter="\t") if not row[0].startswith("#")]
    pairs, ratings = datasets.word_similarity(name)
    assert len(pairs) == len(ratings) == size
    assert pairs == tuple((first.lower(), second.lower()) for first, second, _ in rows)
    assert ratings.tolist() == [float(rating) for *_, rating in rows]
    assert ratings.min() >= 0 and ratings.max() <= 10


def test_the_ratings_that_the_chapter_quotes() -> None:
    def rating(name: str, *pair: str) -> float:
        pairs, ratings = datasets.word_similarity(name)
        return ratings[pairs.index(pair)].item()  # type: ignore[arg-type]

    assert rating("wordsim353", "king", "queen") == 8.58
    assert rating("wordsim353", "king", "rook") == 5.92
    assert rating("simlex999", "prince", "king") == 5.92 > rating("simlex999", "king", "princess") == 3.27


def test_word_similarity_refuses_other_names() -> None:
    with pytest.raises(ValueError, match=r"name must be one of 'wordsim353', 'simlex999', got 'men'"):
        datasets.word_similarity("men")
