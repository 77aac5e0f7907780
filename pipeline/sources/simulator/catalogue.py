"""Items: category, destination, price, popularity with a long tail, and how each scenario's theme suits them."""

from __future__ import annotations

import dataclasses

import numpy as np

from scenerank.pipeline.sources.simulator.scenarios import THEMES, Scenarios
from scenerank.pipeline.sources.simulator.settings import Settings

# name: (share of items, median price, how much it is wanted on a trip of each purpose)
PURPOSES = ("none", "family", "couple", "business")
CATEGORIES = {
    "hotel": (0.22, 420.0, (0, -0.3, 0.7, 0.8)),
    "homestay": (0.10, 300.0, (0, 0.8, 0.3, -0.6)),
    "flight": (0.14, 900.0, (0, -0.4, -0.1, 1.0)),
    "train": (0.08, 220.0, (0, -0.6, -0.3, 0.9)),
    "car_rental": (0.06, 260.0, (0, 0.6, -0.4, 0.5)),
    "package_tour": (0.10, 2600.0, (0, 0.8, -0.9, -1.0)),
    "day_trip": (0.08, 180.0, (0, -0.2, 0.8, -0.7)),
    "attraction": (0.09, 110.0, (0, 1.0, -0.5, -0.6)),
    "cruise": (0.03, 4200.0, (0, -0.6, 1.0, -1.0)),
    "resort": (0.05, 1500.0, (0, 0.5, 0.6, -0.8)),
    "ski_pass": (0.02, 500.0, (0, -0.5, 0.9, -0.7)),
    "insurance": (0.03, 60.0, (0, 0.6, -0.9, 0.2)),
}
# name: how much such places are wanted on a trip of each purpose
KINDS = {
    "city": (0, -0.4, 0.0, 0.6),
    "beach": (0, 0.7, 0.2, -0.5),
    "mountain": (0, -0.3, 0.3, -0.5),
    "heritage": (0, -0.2, 0.3, -0.5),
}
# name: (kind, price level)
DESTINATIONS = {
    "beijing": (0, 1.2), "shanghai": (0, 1.3), "guangzhou": (0, 1.1), "shenzhen": (0, 1.2), "chengdu": (0, 0.9),
    "hangzhou": (0, 1.1), "wuhan": (0, 0.8), "nanjing": (0, 0.9), "hongkong": (0, 1.8), "singapore": (0, 2.0),
    "tokyo": (0, 2.0), "seoul": (0, 1.6), "sanya": (1, 1.3), "xiamen": (1, 1.0), "qingdao": (1, 0.9),
    "phuket": (1, 1.2), "bali": (1, 1.4), "maldives": (1, 2.8), "okinawa": (1, 1.7), "zhangjiajie": (2, 0.8),
    "huangshan": (2, 0.8), "jiuzhaigou": (2, 1.0), "changbaishan": (2, 0.9), "harbin": (2, 0.9), "hokkaido": (2, 1.9),
    "xian": (3, 0.8), "lijiang": (3, 0.9), "dunhuang": (3, 0.9), "lhasa": (3, 1.1), "kyoto": (3, 1.9),
}  # fmt: skip

PRICE_SPREAD = 0.5
"""Standard deviation of log price within category and destination."""
ITEMS_PER_MERCHANT = 20
MOST_EXPOSED = 0.05
"""No item takes more of what retrieval proposes, which keeps slates distinct in a small catalogue."""

PLACE_KIND = np.array([kind for kind, _ in DESTINATIONS.values()])
"""Index into `KINDS` of each destination, `[D]`."""
PURPOSE_APPEAL = np.array([wanted for _, _, wanted in CATEGORIES.values()], np.float32).T
"""How much each purpose wants each category, `[purposes, C]`."""
PURPOSE_PLACE = np.array(list(KINDS.values()), np.float32).T[:, PLACE_KIND]
"""How much each purpose wants each destination, `[purposes, D]`."""


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """Arrays of length N, one entry an item.

    Attributes:
      ids: names; the number says nothing of the item.
      category, destination: int32 indices.
      price: float32, in the platform's currency.
      level: float32, log price against others of the category, in standard deviations.
      popularity: float64, sums to 1; the attention an item gets from ordinary retrieval.
      merchant: int32; a merchant sells within one category.
      appeal: float32 `[S, N]`, what an item is worth in a scenario to anybody: its quality and the theme.
      exposure: float64 `[S, N]`, rows sum to 1; what retrieval proposes in a scenario.
    """

    ids: np.ndarray
    category: np.ndarray
    destination: np.ndarray
    price: np.ndarray
    level: np.ndarray
    popularity: np.ndarray
    merchant: np.ndarray
    appeal: np.ndarray
    exposure: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def build(cls, settings: Settings, scenarios: Scenarios) -> Catalogue:
        rng, count = settings.stream("catalogue"), settings.items
        shares = np.array([share for share, _, _ in CATEGORIES.values()])
        category = np.sort(rng.choice(len(shares), count, p=shares / shares.sum())).astype(np.int32)
        merchant = (np.arange(count) // ITEMS_PER_MERCHANT + category * (1 + count // ITEMS_PER_MERCHANT)).astype(int)
        shuffle = rng.permutation(count)
        category, merchant = category[shuffle], np.unique(merchant, return_inverse=True)[1][shuffle].astype(np.int32)
        weight = (1 + np.arange(len(DESTINATIONS))) ** -0.5
        weight = rng.permutation(weight / weight.sum())
        destination = rng.choice(len(weight), count, p=weight).astype(np.int32)
        median = np.array([price for _, price, _ in CATEGORIES.values()])
        dearness = np.array([level for _, level in DESTINATIONS.values()])
        noise = rng.standard_normal(count)
        price = median[category] * dearness[destination] * np.exp(PRICE_SPREAD * noise)
        log_dear = np.log(dearness)[destination]
        level = (log_dear - log_dear.mean() + PRICE_SPREAD * noise) / np.hypot(PRICE_SPREAD, log_dear.std())
        popularity = (rng.permutation(count) + 5.0) ** -0.8 * np.exp(0.3 * rng.standard_normal(count))
        popularity /= popularity.sum()
        fame = np.log(popularity)
        quality = 0.20 * (fame - fame.mean()) / fame.std() + 0.26 * rng.standard_normal(count)

        by_category = 0.34 * rng.standard_normal((len(THEMES), len(CATEGORIES)))
        by_category[THEMES.index("business")] += 0.4 * PURPOSE_APPEAL[PURPOSES.index("business")]
        by_kind = 0.28 * rng.standard_normal((len(THEMES), len(KINDS)))
        by_kind[THEMES.index("beach"), 1] += 0.6
        by_kind[THEMES.index("outdoor"), 2] += 0.6
        by_kind[THEMES.index("city_break"), 0] += 0.4
        by_level = 0.08 * rng.standard_normal(len(THEMES))
        by_level[THEMES.index("deals")] -= 0.3
        by_level[THEMES.index("luxury")] += 0.3
        kind = PLACE_KIND[destination]
        place = 0.22 * rng.standard_normal(len(DESTINATIONS))
        suited = by_category[:, category] + by_kind[:, kind] + by_level[:, None] * level
        appeal = (quality + place[destination] + suited)[scenarios.theme]
        exposure = popularity * np.exp(0.8 * suited)[scenarios.theme]
        for _ in range(20):  # what the largest lose goes to the others
            exposure = np.minimum(exposure / exposure.sum(1, keepdims=True), MOST_EXPOSED)
        exposure /= exposure.sum(1, keepdims=True)
        return cls(
            ids=np.array([f"i{i:0{max(5, len(str(count)))}d}" for i in range(count)]),
            category=category,
            destination=destination,
            price=np.round(price, 2).astype(np.float32),
            level=level.astype(np.float32),
            popularity=popularity,
            merchant=merchant,
            appeal=appeal.astype(np.float32),
            exposure=exposure,
        )
