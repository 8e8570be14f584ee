"""whole-history-rating: log-likelihoods of games by ratings, their slopes and curvatures."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.wild.case import Case
from tests.wild.glue import two_functions
from tests.wild.second.glue import of_numbers

PACKAGE = "whole-history-rating"
GAMES = (("a", "b", "B", 1), ("a", "c", "W", 1), ("a", "b", "W", 1), ("a", "c", "D", 3),
         ("a", "b", "B", 3), ("a", "c", "B", 7))  # fmt: skip


def cases() -> Iterator[Case]:
    ratings = np.array([-1.2, 0.3, 2.1])
    for label, value, slope in (
        ("log_likelihood", lambda day: day.log_likelihood(),
         lambda day: day.log_likelihood_derivative()),
        ("log_likelihood, second", lambda day: day.log_likelihood_derivative(),
         lambda day: day.log_likelihood_second_derivative()),
        ("anchor", lambda day: day.anchor_log_likelihood(), lambda day: day.anchor_gradient()),
        ("anchor, second", lambda day: day.anchor_gradient(), lambda day: day.anchor_hessian()),
        ("davidson", lambda day: day.davidson_log_likelihood(0.8),
         lambda day: day.davidson_derivatives(0.8)[0]),
        ("davidson, second", lambda day: day.davidson_derivatives(0.8)[0],
         lambda day: day.davidson_derivatives(0.8)[1]),
    ):  # fmt: skip
        for number in (0, 1):
            pair = of_numbers(_on_day(number, value), _on_day(number, slope))
            yield Case(PACKAGE, label, pair, (ratings,), f"day {number}")
    for nu in (0.0, 0.8):
        pair = two_functions(lambda r, nu=nu: _player(r, nu).log_likelihood(),
                             lambda r, nu=nu: _gradient(_player(r, nu)))  # fmt: skip
        yield Case(PACKAGE, "Player.gradient", pair, (ratings,), f"draws {nu}")


def _player(ratings: Any, nu: float) -> Any:
    from whr import WHR

    base = WHR({"w2": 300})
    for game in GAMES:
        base.create_game(*game, handicap=0)
    player = base.player_by_name("a")
    player.draw_tendency = nu
    for day, rating in zip(player.days, np.ravel(ratings), strict=True):
        day.r = float(rating)
    base.player_by_name("b").days[0].r = 0.4
    player.refresh_game_terms()
    return player


def _on_day(number: int, function: Any) -> Any:
    return lambda r: function(_player([r] * 3, 0.0).days[number])


def _gradient(player: Any) -> np.ndarray:
    ratings = [day.r for day in player.days]
    return np.array(player.gradient(ratings, player.days, player.compute_sigma2()))
