"""Evaluator: candidate against the model in service, on the day held out.

Layout of the evaluation: TFMA's own files (`tfma.load_eval_result` reads them), `gauc.json`,
`calibration.json` and `metrics.json`, which sums it all up.
"""

import json

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation
from tfx.utils import path_utils


@component(use_beam=True)
def Evaluator(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    served: InputArtifact[Model],
    evaluation: OutputArtifact[ModelEvaluation],
    declaration: Parameter[str],
    settings: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Evaluates on split `eval`.

    Args:
      served: what ServedModel gives; an empty folder when nothing is in service.
      declaration: JSON of the Declaration.
      settings: JSON of EvaluationSettings.
    """
    from components.evaluator.evaluate import CANDIDATE, SERVED, evaluate
    from components.evaluator.settings import EvaluationSettings
    from components.evaluator.summary import summarize
    from schemas import Declaration

    declared = Declaration.model_validate_json(declaration)
    models = {CANDIDATE: path_utils.serving_model_path(model.uri)}
    if fileio.exists(path_utils.serving_model_path(served.uri)):
        models[SERVED] = path_utils.serving_model_path(served.uri)
    files = sorted(fileio.glob(artifact_utils.get_split_uri([examples], "eval") + "/*"))
    batch_size = EvaluationSettings.model_validate_json(settings).batch_size
    with beam_pipeline as pipeline:
        evaluate(pipeline, files, models, declared, evaluation.uri, batch_size)
    summary = summarize(evaluation.uri, list(models), declared.request is not None)
    with fileio.open(f"{evaluation.uri}/metrics.json", "w") as stream:
        stream.write(json.dumps(summary, indent=1))
