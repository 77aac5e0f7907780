"""Artifact types of our own; names as Kubeflow wants them, no properties for the same reason."""

from tfx.types.artifact import Artifact


class DayFindings(Artifact):
    """`findings.json`: what is unusual about a day."""

    TYPE_NAME = "scenerank.DayFindings"


class DayProfile(Artifact):
    """`profile.json`: a day's rows, click rates, hours, quantiles and samples of keys."""

    TYPE_NAME = "scenerank.DayProfile"


class FairnessTable(Artifact):
    """`fairness.parquet`: day, scenario, item, impressions, organic, score_sum, raw_fc, fc."""

    TYPE_NAME = "scenerank.FairnessTable"


class PublishedDay(Artifact):
    """`published.json`: the day and the URIs that its examples, fairness table and quarantine now have."""

    TYPE_NAME = "scenerank.PublishedDay"


class Quarantine(Artifact):
    """`quarantine.parquet`: file, row, reason and every declared column as text; `summary.json`: counts."""

    TYPE_NAME = "scenerank.Quarantine"


class TrainingWeights(Artifact):
    """What a training goes on from, see `components.trainer.checkpoint.weights`."""

    TYPE_NAME = "scenerank.TrainingWeights"


class Verdict(Artifact):
    """`verdict.json`: whether a check passed, and the reasons."""

    TYPE_NAME = "scenerank.Verdict"
