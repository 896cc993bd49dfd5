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
    fit_to_quote,
    judge_fit,
    misfit_limit,
)

FRESH = (1.2, 0.35)
LOW = (1.08, 0.32)
"""Of the last good fit."""


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
    assert fit_to_quote(ACCEPTED, *FRESH, *LOW, 0.0, 60.0) == FRESH


def test_a_refused_fit_leaves_the_last_good_one_widened() -> None:
    """Low A and low k both push quotes out."""
    assert fit_to_quote(TOO_FEW, *FRESH, *LOW, 60.0, 60.0) == LOW


@pytest.mark.parametrize("age_s", [60.1, math.inf], ids=["an old fit", "no good fit ever"])
def test_what_nobody_vouches_for_is_not_quoted(age_s: float) -> None:
    """Not a default, not a guess, however often an old one was handed on."""
    assert all(map(math.isnan, fit_to_quote(NO_DECAY, *FRESH, *LOW, age_s, 60.0)))
