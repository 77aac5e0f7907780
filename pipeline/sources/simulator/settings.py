"""What a simulation is told, checked, and the random streams that follow from it."""

from __future__ import annotations

import dataclasses
import datetime
import math
import zlib

import numpy as np

from scenerank.errors import ConfigurationError

MIN_ITEMS = 50
"""Fewer items cannot fill distinct slates."""
RANKERS = ("taste", "logged")
BOUNDS = {"promotion_strength": 100.0, "position_bias": 3.0, "badge_lift": 5.0}
"""Real numbers lie between 0 and these."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """Arguments of a simulation.

    Attributes:
      days: number of consecutive days, from `start_day` on.
      scenarios, users, items: sizes of the world.
      impressions_per_day: rows of each day's log, exactly.
      seed: of everything; the same settings give the same bytes.
      promotion_strength: extra exposure of a promoted pair as a multiple of its ordinary one; 0 promotes nothing.
      position_bias: how fast attention falls with the place, the exponent of `presentation.examined`; 0: not at all.
      badge_lift: log odds that the badge of a promotion adds to a click on its item. The default is an odds ratio of
        1.77: on a platform of restaurants the note that a listing is a paid one raised calls by 77 % (Sahni and Nair,
        "Does Advertising Serve as a Signal?", Review of Economic Studies 87, 2020).
      ranker: what ordinary pages are ordered by, see `rankers`: `taste`, or `logged`, which from the second day on
        learns from the logs of the days before.
      start_day: ISO date.
    """

    days: int = 8
    scenarios: int = 20
    users: int = 20000
    items: int = 2000
    impressions_per_day: int = 100000
    seed: int = 0
    promotion_strength: float = 4.0
    position_bias: float = 1.0
    badge_lift: float = 0.57
    ranker: str = "taste"
    start_day: str = "2024-03-01"

    def __post_init__(self) -> None:
        least = {"days": 1, "scenarios": 1, "users": 1, "items": MIN_ITEMS, "impressions_per_day": 1, "seed": 0}
        for name, bound in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < bound:
                raise ConfigurationError(f"{name} must be a whole number of at least {bound}, not {value!r}")
        for name, most in BOUNDS.items():
            value = getattr(self, name)
            real = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not real or not math.isfinite(value) or not 0 <= value <= most:
                raise ConfigurationError(f"{name} must lie between 0 and {most:g}, not {value!r}")
        if self.ranker not in RANKERS:
            raise ConfigurationError(f"ranker must be one of {', '.join(RANKERS)}, not {self.ranker!r}")
        try:
            first = datetime.date.fromisoformat(self.start_day)
            first + datetime.timedelta(days=int(self.days) - 1)
        except (TypeError, ValueError, OverflowError):
            message = f"start_day must be a date such as 2024-03-01 with {self.days} days after it in the calendar"
            raise ConfigurationError(f"{message}, not {self.start_day!r}") from None
        if first < datetime.date(1970, 1, 1):
            raise ConfigurationError(f"start_day must not lie before 1970-01-01, not {self.start_day!r}")

    def date(self, day: int) -> str:
        """ISO date of the day with index `day`."""
        return (datetime.date.fromisoformat(self.start_day) + datetime.timedelta(days=day)).isoformat()

    def stream(self, name: str, *numbers: int) -> np.random.Generator:
        """A random stream of its own for each name and numbers.

        Streams do not depend on one another, so a promotion does not change who visits, and no day depends on
        how many follow.
        """
        return np.random.default_rng(np.random.SeedSequence([self.seed, zlib.crc32(name.encode()), *numbers]))
