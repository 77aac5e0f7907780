"""One process: trains a model once and draws the pictures of its paper.

`python -m scenerank.pipeline.explain.process FOLDER`, a job as JSON on standard input; a line `RESULT {...}` on
standard output, and `PROGRESS {...}` while it trains.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import sys
from collections.abc import Callable, Sequence

from scenerank.components.trainer.loop.progress import watched_by
from scenerank.models.registry import model_class
from scenerank.pipeline.compare.data import read
from scenerank.pipeline.compare.measures import OVERALL, measure
from scenerank.pipeline.compare.settings import Trial
from scenerank.pipeline.compare.trial import printer, trained
from scenerank.pipeline.drawing.page import count, decimal
from scenerank.pipeline.explain.picture import Picture, attempt, plain, write
from scenerank.pipeline.explain.pictures_hierrec import feature_weight_picture
from scenerank.pipeline.explain.pictures_maria import refiner_picture
from scenerank.pipeline.explain.pictures_musenet import learned_scenario_picture
from scenerank.pipeline.explain.pictures_sar_net import attention_picture, exposure_picture
from scenerank.pipeline.explain.subject import Subject
from scenerank.schemas import load_declaration

Draw = Callable[[Subject], Picture]

PICTURES: dict[str, list[tuple[str, str, Draw]]] = {
    "sar_net": [
        ("attention", "Attention over behaviors", attention_picture),
        ("exposure", "Exposure and click rate by category", exposure_picture),
    ],
    "maria": [("refiners", "Refiners by scenario and field", refiner_picture)],
    "musenet": [("scenarios", "Learned scenarios", learned_scenario_picture)],
    "hierrec": [("feature_weights", "Feature weights", feature_weight_picture)],
}
"""By model: name, title and maker of each picture."""


def draw(subject: Subject) -> list[Picture]:
    """All pictures of the model; those that cannot be drawn say why."""
    drawn = PICTURES[subject.model.registered]
    return [attempt(name, title, functools.partial(make, subject)) for name, title, make in drawn]


def facts(subject: Subject, trial: Trial, auc: float | None) -> Sequence[tuple[str, str]]:
    """What stands at the head of the page."""
    prepared = subject.prepared
    return [
        ("Paper", model_class(trial.model).paper),
        ("Data", f"{trial.data}, tested on {subject.day}"),
        ("Rows of training and test", f"{count(prepared.train.rows)} and {count(prepared.test.rows)}"),
        ("AUC of the test", decimal(auc)),
        ("Seed", str(trial.seed)),
    ]


def main(folder: str) -> None:
    """Runs the job of standard input on what lies in `folder`.

    The job: `trial`, fields of `Trial`; `declaration`, its name; `workspace`; `day` of the test; `out`, a folder.
    """
    job = json.load(sys.stdin)
    say, prepared, trial = printer(), read(folder), Trial(**job["trial"])
    with watched_by(lambda event: say("PROGRESS", {"seed": trial.seed, **event})):
        model, _, _ = trained(trial, prepared.train, prepared.validation, prepared.days)
    subject = Subject(model, prepared, load_declaration(job["declaration"]), job["workspace"], job["day"], trial.seed)
    auc = measure(prepared.test.labels, subject.scores, prepared.facts)[OVERALL]["auc"]
    pictures = draw(subject)
    write(pictures, job["out"], f"{trial.model} on {trial.data}", facts(subject, trial, auc))
    numbers = {picture.name: plain(picture.numbers) for picture in pictures}
    say("RESULT", {**dataclasses.asdict(trial), "auc": auc, "numbers": numbers})


if __name__ == "__main__":
    main(sys.argv[1])
