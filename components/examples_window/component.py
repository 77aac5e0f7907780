"""ExamplesWindow: published days as one Examples artifact with splits by date.

Layout of the examples:
  Split-train/<day>-<file>.gz         the days before the validation days
  Split-validation/                   the last days before the run's; absent where none can be spared
  Split-eval/                         the run's day
  window.json                         days of each split, and where examples and coefficients of each day lie

Published days whose logs or settings have changed since are refused, unless `WindowSettings.stale` is `warn`: who can
make them again does so before.
"""

from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components.examples_window.folds import ALL


@component
def ExamplesWindow(
    examples: OutputArtifact[Examples],
    schema: OutputArtifact[Schema],
    workspace: Parameter[str],
    day: Parameter[str],
    declaration: Parameter[str],
    settings: Parameter[str],
    ingest: Parameter[str],
    recipe: Parameter[str] = "{}",
    fold: Parameter[int] = ALL,
) -> None:
    """Args:
    examples: splits `train`, `eval` and perhaps `validation`.
    schema: `schema.pbtxt` of these examples, `fairness_coefficient` among them.
    workspace: URI of the workspace.
    day: ISO date.
    declaration: JSON of the data set's declaration.
    settings: JSON of `WindowSettings`.
    ingest, recipe: settings that days of now are ingested with, see `LogExampleGen`.
    fold: 0 or 1: train on every other day before `day`, from that place on, and validate on none, see `split_days`.
    """
    import json

    from scenerank.components.examples_window.settings import WindowSettings
    from scenerank.components.examples_window.stale import admitted
    from scenerank.components.examples_window.window import build_window, write_schema
    from scenerank.components.log_example_gen.settings import IngestSettings
    from scenerank.components.workspace import Workspace
    from scenerank.schemas.declaration import Declaration

    space, declared = Workspace(workspace), Declaration.model_validate_json(declaration)
    chosen = WindowSettings.model_validate_json(settings)
    ingested = IngestSettings.model_validate_json(ingest)
    stale = admitted(space, day, declared, chosen, ingested, json.loads(recipe))
    splits = build_window(space, day, chosen, examples.uri, fold, stale)
    write_schema(declared, schema.uri)
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
