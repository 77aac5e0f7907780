"""Heat maps of values around 1, or from 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from scenerank.pipeline.drawing import style
from scenerank.pipeline.drawing.page import short

_SPAN = 4.0
_TICKS = (0.25, 0.5, 0.8, 1, 1.25, 2, 4)


def around_one(value: np.ndarray) -> tuple[LogNorm, LinearSegmentedColormap]:
    """Norm and colours of ratios: as far as the furthest of them, though at least 1.25 and at most 4 fold."""
    colors = LinearSegmentedColormap.from_list("lift", [style.ALERT, "#f7f7f5", style.CANDIDATE])
    colors.set_bad("#fbfbfa")
    furthest = np.abs(np.log(value[value > 0])).max(initial=0.0)
    span = float(np.clip(furthest, np.log(1.25), np.log(_SPAN)))
    return LogNorm(np.exp(-span), np.exp(span)), colors


def shares() -> tuple[Normalize, LinearSegmentedColormap]:
    """Norm and colours of shares, 0 to 1."""
    colors = LinearSegmentedColormap.from_list("share", ["#f7f7f5", style.CANDIDATE])
    colors.set_bad("#fbfbfa")
    return Normalize(0, 1), colors


def fields(
    axes: Axes, value: np.ndarray, look: tuple[Normalize, LinearSegmentedColormap], rows: Sequence[str],
    columns: Sequence[str], text: float = 7.5, upright: bool = False, length: int = 14,
) -> ScalarMappable:  # fmt: skip
    """Draws `[rows, columns]`, the first row on top; NaN stays empty.

    Args:
      look: of `around_one` or `shares`.
      text: size of the numbers in the fields; 0: none.
      upright: whether the columns' labels stand on end; length: their characters at most.
    """
    norm, colors = look
    held = np.clip(value, norm.vmin, norm.vmax)
    image = axes.pcolormesh(held, norm=norm, cmap=colors, edgecolors="white", linewidth=0.8)
    axes.set_xticks(np.arange(len(columns)) + 0.5, [short(c, length) for c in columns], rotation=90 * upright)
    axes.set_yticks(np.arange(len(rows)) + 0.5, [short(r) for r in rows])
    axes.tick_params(labelcolor=style.INK)
    axes.invert_yaxis()
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    for i, j in np.argwhere(np.isfinite(value)) if text else ():
        place = float(norm(held[i, j]))
        strong = abs(place - 0.5) > 0.31 if isinstance(norm, LogNorm) else place > 0.6
        axes.text(
            j + 0.5, i + 0.5, f"{value[i, j]:.2f}", ha="center", va="center", fontsize=text,
            color="white" if strong else style.INK,
        )  # fmt: skip
    return image


def bar(canvas: Figure, image: ScalarMappable, axes: Axes | Sequence[Axes], width: float = 0.03) -> None:
    """The key of the colours, to the right of the axes."""
    low, high = image.norm.vmin, image.norm.vmax
    ticks = None
    if isinstance(image.norm, LogNorm) and low is not None and high is not None:
        ticks = [t for t in _TICKS if low * 0.999 <= t <= high * 1.001]
    key = canvas.colorbar(image, ax=axes, fraction=width, pad=0.015, ticks=ticks)
    key.outline.set_visible(False)  # type: ignore[operator]  # one spine, which the stubs take for several
    key.ax.minorticks_off()
    key.ax.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
