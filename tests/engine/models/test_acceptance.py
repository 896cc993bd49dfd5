"""Fit acceptance: which fits may move quotes, and what is quoted meanwhile."""

import math

import pytest

from engine.models.acceptance import (
    ACCEPTED,
    NO_DECAY,
    NOT_A_NUMBER,
    POOR_FIT,
    REASONS,
    TOO_FEW,
    TOO_SHORT,
    choose_fit,
    judge_fit,
    misfit_limit,
)
from engine.models.intensity import SideFit

GOOD = SideFit(1.2, 0.35, 400, (1.08, 1.32), (0.32, 0.39))
BAD = SideFit(9.0, 0.01, 3, (1.0, 30.0), (0.001, 0.02))


@pytest.mark.parametrize(
    ("n", "A", "k", "misfit", "code"),
    [
        (400, 1.2, 0.35, 0.02, ACCEPTED),
        (400, 1.2, 0.35, math.nan, ACCEPTED),
        (19, 1.2, 0.35, 0.02, TOO_FEW),
        (0, math.nan, math.nan, math.nan, TOO_FEW),
        (400, math.nan, 0.35, 0.02, NOT_A_NUMBER),
        (400, 1.2, -0.1, 0.02, NO_DECAY),
        (400, 1.2, 0.0, 0.02, NO_DECAY),
        (400, 1.2, math.inf, 0.02, NO_DECAY),
        (400, 1.2, 0.35, 0.4, POOR_FIT),
        (25, 1.2, 0.35, 0.36, ACCEPTED),
    ],
)
def test_a_fit_is_judged_by_the_first_thing_wrong_with_it(
    n: float, A: float, k: float, misfit: float, code: int
) -> None:
    """The last row: with few arrivals a wide gap is chance, not misfit."""
    assert judge_fit(n, A, k, misfit, 20.0, misfit_limit(n, 0.15)) == code


def test_every_refusal_has_words() -> None:
    """A code on the screen would help nobody at night."""
    assert {code for code, text in REASONS.items() if text} == {
        TOO_SHORT,
        TOO_FEW,
        NO_DECAY,
        POOR_FIT,
        NOT_A_NUMBER,
    }


def test_a_good_fit_is_quoted_as_it_is() -> None:
    """Point estimates, since their own interval is narrow enough to be accepted."""
    used = choose_fit(GOOD, ACCEPTED, None, 100.0, 60.0)

    assert used is not None
    assert (used.A_per_s, used.k_per_tick) == (1.2, 0.35)


def test_a_refused_fit_leaves_the_last_good_one_widened() -> None:
    """Low A and low k both push quotes out; the reason stays with them."""
    last = choose_fit(GOOD, ACCEPTED, None, 100.0, 60.0)

    used = choose_fit(BAD, TOO_FEW, last, 130.0, 60.0)

    assert used is not None
    assert (used.A_per_s, used.k_per_tick, used.code) == (1.08, 0.32, TOO_FEW)
    assert used.fitted_at_s == 100.0


def test_an_old_fit_is_not_quoted_for_ever() -> None:
    """Past its age limit nothing is known, however often it was handed on."""
    last = choose_fit(GOOD, ACCEPTED, None, 100.0, 60.0)
    held = choose_fit(BAD, TOO_FEW, last, 150.0, 60.0)

    assert choose_fit(BAD, TOO_FEW, held, 161.0, 60.0) is None


def test_without_any_good_fit_there_is_no_quote() -> None:
    """Not a default, not a guess."""
    assert choose_fit(BAD, NO_DECAY, None, 100.0, 60.0) is None
