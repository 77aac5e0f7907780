"""FairnessCoefficient: aggregates a day by (scenario, item), joins the coefficient to each example."""

import apache_beam as beam
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model
from tfx.utils import path_utils

from scenerank.components import storage
from scenerank.components.artifacts import FairnessTable
from scenerank.components.fairness_coefficient.settings import FairnessSettings
from scenerank.components.fairness_coefficient.transforms import fairness_graph
from scenerank.components.workspace import Workspace, shift
from scenerank.schemas.declaration import Declaration

SPLIT, TABLE = "day", "fairness.parquet"


def earlier_tables(workspace: Workspace, day: str, days: int) -> list[tuple[str, str]]:
    """Those of the `days` before a day that are published, and the URIs of their tables, oldest first."""
    published, first = workspace.days("fairness"), shift(day, -days)
    return [(d, f"{workspace.day('fairness', d)}/{TABLE}") for d in published if first <= d < day]


@component(use_beam=True)
def FairnessCoefficient(
    examples: InputArtifact[Examples],
    output: OutputArtifact[Examples],
    fairness: OutputArtifact[FairnessTable],
    workspace: Parameter[str],
    day: Parameter[str],
    declaration: Parameter[str],
    settings: Parameter[str] = "{}",
    model: InputArtifact[Model] = None,
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Adds the float feature `fairness_coefficient` to a day's examples.

    Args:
      examples: split `day`.
      output: split `day`: the same files, records and order, one feature more.
      fairness: `fairness.parquet`, see `normalisation.fairness_table`.
      workspace: URI of the workspace, in which the tables of earlier days are.
      day: ISO date.
      declaration: JSON of the data set's declaration.
      settings: JSON of FairnessSettings.
      model: `Format-Serving/` within, looked at with numerator `score`; where there is none every coefficient is 1.
    """
    serving = path_utils.serving_model_path(model.uri) if model else ""
    folder = artifact_utils.get_split_uri([examples], SPLIT)
    target = f"{output.uri}/Split-{SPLIT}"
    aside = f"{output.uri}/aside"
    chosen = FairnessSettings.model_validate_json(settings)
    with beam_pipeline as pipeline:
        fairness_graph(
            pipeline,
            files=storage.files(folder),
            model_uri=serving if storage.exists(serving) else None,
            tables=earlier_tables(Workspace(workspace), day, chosen.days),
            table=f"{fairness.uri}/{TABLE}",
            folder=target,
            aside=aside,
            day=day,
            declaration=Declaration.model_validate_json(declaration),
            settings=chosen,
        )
    storage.delete(aside)
    output.split_names = artifact_utils.encode_split_names([SPLIT])
    output.span = examples.span
    examples_utils.set_payload_format(output, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(output, "tfrecords_gzip")
