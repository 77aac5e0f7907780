"""One process: trains a model once and draws the pictures of its paper.

`python -m pipeline.benchmark.explain FOLDER`, a job as JSON on standard input; a line `RESULT {...}` on standard
output, and `PROGRESS {...}` while it trains.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence

import models  # noqa: F401  (legacy Keras has to be chosen before TensorFlow is imported)
from components.report.page import count, decimal
from components.trainer import callbacks
from models.registry import model_class
from pipeline.benchmark.data import read
from pipeline.benchmark.measures import OVERALL, measure
from pipeline.benchmark.picture import Picture, attempt, plain, write
from pipeline.benchmark.pictures_hierrec import feature_weight_picture
from pipeline.benchmark.pictures_maria import refiner_picture
from pipeline.benchmark.pictures_musenet import learned_scenario_picture
from pipeline.benchmark.pictures_sar_net import attention_picture, exposure_picture
from pipeline.benchmark.settings import Trial
from pipeline.benchmark.subject import Subject
from pipeline.benchmark.trial import printer, trained
from schemas import load_declaration

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
    return [
        attempt(name, title, lambda make=make: make(subject))
        for name, title, make in PICTURES[subject.model.registered]
    ]


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
    callbacks.PROGRESS = lambda event: say("PROGRESS", {"seed": trial.seed, **event})
    model, _, _ = trained(trial, prepared.train, prepared.validation, prepared.days)
    callbacks.PROGRESS = None
    subject = Subject(model, prepared, load_declaration(job["declaration"]), job["workspace"], job["day"], trial.seed)
    auc = measure(prepared.test.labels, subject.scores, prepared.facts)[OVERALL]["auc"]
    pictures = draw(subject)
    write(pictures, job["out"], f"{trial.model} on {trial.data}", facts(subject, trial, auc))
    numbers = {picture.name: plain(picture.numbers) for picture in pictures}
    say("RESULT", {**dataclasses.asdict(trial), "auc": auc, "numbers": numbers})


if __name__ == "__main__":
    main(sys.argv[1])
