"""Artifact types of our own; names as Kubeflow wants them, no properties for the same reason."""

from tfx.types.artifact import Artifact


class FairnessTable(Artifact):
    """`fairness.parquet`: day, scenario, item, impressions, organic, score_sum, raw_fc, fc."""

    TYPE_NAME = "components.FairnessTable"


class PublishedDay(Artifact):
    """`published.json`: the day and the URIs that its examples, fairness table and quarantine now have."""

    TYPE_NAME = "components.PublishedDay"


class Quarantine(Artifact):
    """`quarantine.parquet`: file, row, reason and every declared column as text; `summary.json`: counts."""

    TYPE_NAME = "components.Quarantine"


class TrainingWeights(Artifact):
    """What a training goes on from, see `components.trainer.weights`."""

    TYPE_NAME = "components.TrainingWeights"


class Verdict(Artifact):
    """`verdict.json`: whether a check passed, and the reasons."""

    TYPE_NAME = "components.Verdict"
