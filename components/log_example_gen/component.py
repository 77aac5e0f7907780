"""LogExampleGen: checks a day's logs and turns them into tf.Examples with histories and rates.

Layout of the outputs:
  examples/Split-day/data_tfrecord-*.gz   one split "day"; a file for each partition of users
  schema/schema.pbtxt                     what StatisticsGen, ExampleValidator and Transform go by
  quarantine/quarantine.parquet           rows refused: file, row (from 0), reason, declared columns as text
  quarantine/late/<day>.parquet           rows of days before, kept for these
  quarantine/summary.json                 what was counted, see `records.ingestion`
  profile/profile.json                    what later days are compared with, see `records.profile`
  profile/origin.json                     what the day was made of, see `records.origin`
"""

import json

import apache_beam as beam
from google.protobuf import text_format
from tfx.components.util import examples_utils
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Schema

from scenerank.components import storage
from scenerank.components.artifacts import DayProfile, Quarantine
from scenerank.components.log_example_gen.ingest import ingest
from scenerank.components.log_example_gen.job import Job
from scenerank.components.log_example_gen.origin import LogDigests, origin
from scenerank.components.log_example_gen.reading.marker import require
from scenerank.components.log_example_gen.settings import IngestSettings
from scenerank.components.workspace import Workspace
from scenerank.schemas import tfmd
from scenerank.schemas.declaration import Declaration

SPLIT = "day"


@component(use_beam=True)
def LogExampleGen(
    workspace: Parameter[str],
    day: Parameter[str],
    declaration: Parameter[str],
    settings: Parameter[str],
    examples: OutputArtifact[Examples],
    schema: OutputArtifact[Schema],
    quarantine: OutputArtifact[Quarantine],
    profile: OutputArtifact[DayProfile],
    recipe: Parameter[str] = "{}",
    marker: Parameter[str] = "",
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
):
    """Ingests one day.

    Args:
      workspace: URI of the workspace.
      day: ISO date.
      declaration: JSON text of a `schemas.declaration.Declaration`.
      settings: JSON text of an `IngestSettings`.
      recipe: JSON of further settings that the published day will depend on, by what they are: recorded.
      marker: file that says that the day's folder of logs is complete; empty: none is asked for.

    Raises:
      DataError: the day's logs are refused.
    """
    require(Workspace(workspace), day, marker)
    declared, chosen = Declaration.model_validate_json(declaration), IngestSettings.model_validate_json(settings)
    space = Workspace(workspace)
    made_of = origin(LogDigests(space, declared), space, day, declared, chosen, json.loads(recipe))
    examples.split_names = artifact_utils.encode_split_names([SPLIT])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    job = Job(
        workspace=workspace,
        day=day,
        declaration=declaration,
        settings=chosen,
        examples=examples.uri,
        split=artifact_utils.get_split_uri([examples], SPLIT),
        quarantine=quarantine.uri,
        profile=profile.uri,
    )
    ingest(job, beam_pipeline)
    made_of.write(profile.uri)
    proto = tfmd.schema(declared)
    storage.write(f"{schema.uri}/schema.pbtxt", text_format.MessageToString(proto))
