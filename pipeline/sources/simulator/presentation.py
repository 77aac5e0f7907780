"""How an item is shown, and what that does to its clicks: the place on the page and the badge of a promotion."""

from __future__ import annotations

import numpy as np


def examined(place: np.ndarray, position_bias: float) -> np.ndarray:
    """Probability that a place is looked at, `(1 / (1 + place)) ** position_bias`, float32.

    The position-based model: a click needs an item that is examined, which depends on its place alone, and found
    worth it, which does not: `P(click) = examined(place) * relevance`. Curve and severity 1 are those of Joachims,
    Swaminathan and Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017, section 6. Position 0, the
    top, is always looked at.

    Args:
      place: whole numbers from 0, of any shape.
    """
    return ((1.0 + place) ** -position_bias).astype(np.float32)
