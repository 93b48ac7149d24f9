"""Exercise 09: the mistakes in drawing from a table that are known by name."""

from __future__ import annotations

from nslab.practice._exercise import Mutant
from nslab.practice.exercises._09_alias_method import draws

_NEVER = (
    "One column is never thrown. Ids begin at 0, and the upper end of `rng.integers(n)` is n − 1 already."
)
_RANGE = (
    "Your coin does not run evenly from 0 to 1. What is left of a number after its column is taken out must"
    " be stretched to that range first."
)
ELSEWHERE = (
    "The numbers did not come from `rng`, so that whoever calls you can neither repeat the draws nor get"
    " other ones. Take all chance from `rng`."
)
_AGAIN = (
    "After the alias you tossed again, with the alias's own coin. One draw has one toss: the alias is the"
    " answer, whatever its own column says."
)
_THROWN = (
    "The column is thrown with a fair die: all N alike. `prob` decides only what comes out of the column"
    " thrown."
)
_TURNS = (
    "Your columns come in turn, so that a column that has just come waits for the others. Each throw of the"
    " die is independent: a column may come twice in a row."
)

DRAW = (
    Mutant(
        "one number for column and coin",
        draws.one_number,
        "The coin correlates with the column: the uniform number that chose column 0 is always small, so that"
        " its toss is known. Split the number into two independent parts, or draw two.",
        draws.alike,
    ),
    Mutant(
        "coin reversed",
        draws.reversed,
        "`prob` is the chance that the column's own id is taken. You took the alias that often.",
        draws.alike,
    ),
    Mutant(
        "alias never taken",
        draws.column_only,
        "You returned columns, all alike. Each column has a coin to toss, and an alias.",
        draws.alike,
    ),
    Mutant(
        "always the alias",
        draws.alias_only,
        "You returned aliases only. Each column has a coin to toss: its own id comes as often as `prob`"
        " says.",
        draws.alike,
    ),
    Mutant("coin out of its range", draws.small_coin, _RANGE, draws.alike),
    Mutant("coin out of its range", draws.large_coin, _RANGE, draws.alike),
    Mutant(
        "no such column",
        draws.one_more,
        "You threw a column that does not exist. There are N of them, 0 to N − 1.",
        lambda case, got, own: isinstance(got.error, IndexError),
    ),
    Mutant(
        "coin not looked up",
        draws.flat_coin,
        "`prob` has an entry a column, and the tosses are as many as the draws: look up the coin, and the"
        " alias, of each column thrown.",
        draws.as_many_as_columns,
    ),
    Mutant(
        "another number of draws",
        draws.heads_only,
        "`size` ids are asked for, and another number came back. A coin that falls on its other side is no"
        " failed draw: it gives the alias.",
        lambda case, got, own: isinstance(got.value, dict) and got.value["drawn:"] != case.args[2],
    ),
    Mutant(
        "a fair coin",
        draws.fair_coin,
        "Each column's coin has a bias of its own, `prob`. Yours fell either way alike.",
        draws.alike,
    ),
    Mutant("column by its coin", draws.column_by_coin, _THROWN, draws.alike),
    Mutant("column by its coin", draws.weighted_column, _THROWN, draws.alike),
    Mutant("tossed again", draws.tossed_again, _AGAIN, draws.alike),
    Mutant("tossed again", draws.tossed_twice, _AGAIN, draws.alike),
    Mutant("a column never thrown", draws.last_missing, _NEVER, draws.alike),
    Mutant("a column never thrown", draws.first_missing, _NEVER, draws.alike),
    Mutant(
        "rounded column",
        draws.rounded_column,
        "The first and the last column come half as often as the others: rounding to the nearest gives them"
        " half an interval.",
        draws.alike,
    ),
    Mutant(
        "the alias's coin",
        draws.alias_coin,
        "You tossed the coin of the alias. The coin belongs to the column that was thrown.",
        draws.alike,
    ),
    Mutant(
        "one draw repeated",
        draws.repeated,
        "You drew once and returned it many times. Each of the draws has its own column and its own toss.",
        draws.one_id,
    ),
    Mutant(
        "a single throw",
        draws.one_throw,
        "All your draws came from one column. The die is thrown for each draw, as the coin is.",
        draws.one_column,
    ),
    Mutant("columns in turn", draws.interleaved, _TURNS, draws.alike),
    Mutant("columns in turn", draws.all_before_again, _TURNS, draws.alike),
    Mutant(
        "too few tosses",
        draws.one_coin,
        "Draws share a toss: all that came from one column gave the same side. Each draw needs a toss of its"
        " own.",
        draws.whole_columns,
    ),
    Mutant(
        "too few tosses",
        draws.coin_per_column,
        "Draws share a toss: all that came from one column gave the same side. Each draw needs a toss of its"
        " own.",
        draws.whole_columns,
    ),
    Mutant(
        "another generator",
        draws.own_generator,
        ELSEWHERE,
        draws.alike,
    ),
    Mutant(
        "in blocks",
        draws.in_blocks,
        "Equal ids stand side by side. Draws are independent: what came before says nothing about what comes"
        " next.",
        draws.alike,
    ),
)
