"""One look for all drawings: colours by meaning, no frames, text as text."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, RULE = "#1f2933", "#6b7480", "#e3e7ec"
CANDIDATE, SERVED = "#1d5fa6", "#9aa5b1"
TRUTH, ALERT = "#2f855a", "#c2553a"
NEUTRAL, SOFT = "#8fb0d3", "#c9dbef"
CATEGORIES = (CANDIDATE, ALERT, TRUTH, "#c99a2e", "#7b5ea7", "#3b9aa8", "#b8578a", "#7a7f87")
"""Of kinds without order."""
WIDE, HALF = 9.6, 4.7
"""Inches of a drawing over the page's width, and over half of it."""

_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a name with dollar signs is no formula
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 7.0,
    "axes.labelsize": 8.0,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
}


def draw(name: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> str:
    """Markup of a drawing, the same for the same data.

    Args:
      name: unlike that of any other drawing of the page; identifiers begin with it.
      size: inches.
      paint: draws into the figure.
    """
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}):
        figure = Figure(figsize=size)
        paint(figure)
        stream = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", svg, count=3)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    return svg.replace("<svg ", '<svg role="img" ', 1).strip()


def horizontal(axes: Axes, labels: list[str]) -> None:
    """Makes rows of the labels, the first on top, with rules along the values only."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.spines["left"].set_visible(False)


def vertical(axes: Axes) -> None:
    """Rules along the values of a chart that goes from left to right."""
    axes.grid(axis="x", visible=False)
    axes.spines["left"].set_visible(False)


def day_ticks(axes: Axes, days: list[str]) -> None:
    """Labels as many of the days as there is room for."""
    step = max(1, -(-len(days) // 10))
    chosen = range(len(days) - 1, -1, -step)
    axes.set_xticks(list(chosen), [days[i][5:] if len(days) > 6 else days[i] for i in chosen])
