"""Which items a request shows: an ordinary ranker's choice, promotions put into it, or chance alone."""

from __future__ import annotations

import numpy as np

from scenerank.pipeline.sources.simulator.promotions import Campaign
from scenerank.pipeline.sources.simulator.rankers import Ranker
from scenerank.pipeline.sources.simulator.traffic import DEEPEST, Requests
from scenerank.pipeline.sources.simulator.truth import Memory, World

CANDIDATES = 20
"""What retrieval proposes for a request."""
REMEMBERED = 1
"""Items clicked or bought before that join the candidates."""
GREED = 1.0
"""Weight of a ranker's score beside the noise; with 1, the chance to come first is in proportion to odds or rates."""


def ordinary(
    rng: np.random.Generator, world: World, memory: Memory, requests: Requests, score_of: Ranker
) -> np.ndarray:
    """Slates of an ordinary ranker: popularity and theme propose, its score and noise order; it knows no trips.

    Returns:
      int32 `[R, DEEPEST]`, distinct items in order of rank; the first `depth` of a row are shown.
    """
    rows, count = len(requests), len(world.catalogue)
    # One draw in each of CANDIDATES equal parts of the distribution: repeats can only be neighbours.
    point = rng.random((rows, CANDIDATES)) + np.arange(CANDIDATES)
    found = np.searchsorted(world.ends, (point / CANDIDATES + requests.scenario[:, None]).ravel(), side="right")
    bottom = requests.scenario[:, None] * count
    retrieved = np.clip(found.reshape(rows, CANDIDATES) - bottom, 0, count - 1).astype(np.int32)
    repeated = np.zeros((rows, CANDIDATES), bool)
    repeated[:, 1:] = retrieved[:, 1:] == retrieved[:, :-1]
    known = memory.recall(rng, requests.user, REMEMBERED)
    for column in known.T:
        repeated |= retrieved == column[:, None]
    same = np.zeros(known.shape, bool)
    same[:, 1:] = known[:, 1:] == known[:, :1]
    candidates = np.concatenate([retrieved, np.maximum(known, 0)], axis=1)
    barred = np.concatenate([repeated, same | (known < 0)], axis=1)
    score = np.float32(GREED) * score_of(requests.user[:, None], requests.scenario[:, None], candidates)
    score -= np.log(np.maximum(rng.standard_exponential(score.shape, np.float32), np.float32(1e-30)))
    score[barred] = -np.inf
    best = np.argsort(-score, axis=1, kind="stable")[:, :DEEPEST]
    return np.take_along_axis(candidates, best, axis=1)


def promote(
    rng: np.random.Generator, campaign: Campaign, requests: Requests, slates: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Puts promoted items, drawn by their ordinary exposure, on top of the page; the others move down.

    As many as if each shown impression gave way with probability `push`. An item that the slate holds already is
    not shown twice.

    Returns:
      slates int32 `[R, DEEPEST]`, and bool of the same shape: put there by the promotion.
    """
    width, count = slates.shape[1], campaign.pairs.shape[1]
    wanted = rng.random(slates.shape, np.float32) < campaign.push[requests.scenario][:, None]
    wanted &= np.arange(width) < requests.depth[:, None]
    pages = np.concatenate([np.full_like(slates, -1), slates], axis=1)  # promoted items, then the ordinary ones
    for turn in range(width):
        point = rng.random(len(requests)) + requests.scenario
        item = np.searchsorted(campaign.ends, point, side="right") - requests.scenario * count
        item = np.clip(item, 0, count - 1).astype(np.int32)
        new = wanted[:, turn] & campaign.pairs[requests.scenario, item] & ~(pages == item[:, None]).any(axis=1)
        pages[:, turn] = np.where(new, item, -1)
    order = np.argsort(pages < 0, axis=1, kind="stable")[:, :width]
    return np.take_along_axis(pages, order, axis=1), order < width


def uniform(rng: np.random.Generator, count: int, rows: int) -> np.ndarray:
    """Slates of distinct items, every one of the catalogue equally likely at every place: int32 `[rows, DEEPEST]`."""
    slates = rng.integers(0, count, (rows, DEEPEST), np.int32)
    again = np.arange(rows)
    while len(again):
        ordered = np.sort(slates[again], axis=1)
        again = again[(ordered[:, 1:] == ordered[:, :-1]).any(axis=1)]
        slates[again] = rng.integers(0, count, (len(again), DEEPEST), np.int32)
    return slates
