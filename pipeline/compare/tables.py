"""Results as tables."""

from __future__ import annotations

import dataclasses
import itertools
import pathlib
import statistics
from collections.abc import Callable, Mapping, Sequence

from scenerank.pipeline.compare.measures import OVERALL, relative_improvement, significance
from scenerank.pipeline.compare.runner import Result
from scenerank.pipeline.drawing import html

TEMPLATE = pathlib.Path(__file__).with_name("tables.html")
SCENARIOS_SHOWN = 8
"""Of the largest; the rest stand in the file of results."""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of text."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def markdown(self) -> str:
        """Writes the table as Markdown."""
        return f"## {self.title}\n\n{markdown(self.header, self.rows)}\n"


def markdown(header: list[str], rows: Sequence[list[str]]) -> str:
    """A table's lines, numbers to the right of their columns.

    Not by `tabulate`, which pads cells: one longer number would change every line of a column that is kept under
    version control.
    """
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(tables: Sequence[Table], title: str, notes: Sequence[str], stem: str, html_too: bool = True) -> None:
    """Writes `stem`.md and, if wanted, `stem`.html."""
    with open(f"{stem}.md", "w") as stream:
        stream.write(f"# {title}\n\n" + "\n".join([*notes, "", *(t.markdown() for t in tables)]))
    if html_too:
        with open(f"{stem}.html", "w") as stream:
            stream.write(html.render(TEMPLATE, title=title, notes=notes, tables=tables))


def scenarios_of(results: Sequence[Result]) -> list[str]:
    """Scenarios by test rows, the largest first."""
    slices = results[0]["metrics"]
    return sorted((s for s in slices if s != OVERALL), key=lambda s: -slices[s]["rows"])


def values(results: Sequence[Result], metric: str, scenario: str = OVERALL) -> list[float]:
    """A metric's values over seeds, undefined ones left out."""
    found = (r["metrics"].get(scenario, {}).get(metric) for r in results)
    return [value for value in found if value is not None]


def spread(numbers: Sequence[float], digits: int = 4) -> str:
    """Mean and standard deviation."""
    if not numbers:
        return ""
    mean = f"{statistics.fmean(numbers):.{digits}f}"
    return f"{mean} ± {statistics.stdev(numbers):.{digits}f}" if len(numbers) > 1 else mean


def median(results: Sequence[Result], name: str, shown: Callable[[float], str]) -> str:
    """Median over seeds of what a training cost."""
    numbers = [r[name] for r in results if r.get(name) is not None]
    return shown(statistics.median(numbers)) if numbers else ""


def comparison(title: str, results: Sequence[Result], base: str) -> Table:
    """A row a model, best AUC first.

    p-values are those of the seeds' AUCs against the best other model's.

    Args:
      results: of one protocol.
      base: the model that RelaImpr refers to; without results it is left blank.
    """
    by_model = {
        model: list(group)
        for model, group in itertools.groupby(sorted(results, key=lambda r: r["model"]), key=lambda r: r["model"])
    }
    means = {model: statistics.fmean(values(found, "auc")) for model, found in by_model.items()}
    ranked = sorted(by_model, key=lambda model: -means[model])
    shown = scenarios_of(results)[:SCENARIOS_SHOWN]
    header = ["model", "seeds", "AUC", *(f"AUC {s}" for s in shown), "LogLoss", "GAUC", "S-GAUC", "PCOC", "RelaImpr"]
    header += ["p (t)", "p (U)", "parameters", "rows/s", "ms / 2000", "peak MB"]
    rows = []
    for model in ranked:
        found = by_model[model]
        rival = next((other for other in ranked if other != model), None)
        tests = significance(values(found, "auc"), values(by_model[rival], "auc")) if rival else (None, None)
        improved = relative_improvement(means[model], means[base]) if base in means else None
        gain = "" if improved is None else f"{100 * improved:+.2f} %"
        rows.append(
            [
                model,
                str(len(found)),
                spread(values(found, "auc")),
                *(spread(values(found, "auc", s)) for s in shown),
                *(spread(values(found, name)) for name in ("logloss", "gauc", "s_gauc")),
                spread(values(found, "pcoc"), 3),
                gain,
                *("" if p is None else f"{p:.3f}" for p in tests),
                median(found, "parameters", lambda n: f"{n:,.0f}"),
                median(found, "rows_per_second", lambda n: f"{n:,.0f}"),
                median(found, "inference_ms", lambda n: f"{n:.1f}"),
                median(found, "peak_mb", lambda n: f"{n:,.0f}"),
            ]
        )
    return Table(title, header, rows)


def variants(title: str, results: Mapping[str, Sequence[Result]]) -> Table:
    """A row a variant of one model, in the order given: AUC of all and of the largest scenarios, parameters."""
    shown = scenarios_of(next(iter(results.values())))[:SCENARIOS_SHOWN]
    header = ["", "AUC", *(f"AUC {s}" for s in shown), "LogLoss", "parameters"]
    rows = [
        [
            name,
            spread(values(found, "auc")),
            *(spread(values(found, "auc", s)) for s in shown),
            spread(values(found, "logloss")),
            median(found, "parameters", lambda n: f"{n:,.0f}"),
        ]
        for name, found in results.items()
    ]
    return Table(title, header, rows)
