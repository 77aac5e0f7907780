"""Evaluator: candidate against the model in service and the champion of the last weeks, on the day held out.

Layout of the evaluation: TFMA's own files (`tfma.load_eval_result` reads them), `gauc.json`,
`ordinary.json`, `calibration.json`, `jackknife.json` and `metrics.json`, which sums it all up.
"""

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import (
    BeamComponentParameter,
    InputArtifact,
    OutputArtifact,
    Parameter,
)
from tfx.dsl.component.experimental.decorators import component
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import Examples, Model, ModelEvaluation
from tfx.utils import path_utils

from scenerank.components import storage


@component(use_beam=True)
def Evaluator(
    examples: InputArtifact[Examples],
    model: InputArtifact[Model],
    served: InputArtifact[Model],
    champion: InputArtifact[Model],
    evaluation: OutputArtifact[ModelEvaluation],
    declaration: Parameter[str],
    settings: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,
) -> None:
    """Evaluates on split `eval`.

    Args:
      served: what ServedModel gives; an empty folder when nothing is in service.
      champion: what ChampionModel gives; a folder without a model when the one in service is the best.
      declaration: JSON of the Declaration.
      settings: JSON of EvaluationSettings.
    """
    from scenerank.components.evaluator.evaluate import evaluate
    from scenerank.components.evaluator.settings import EvaluationSettings
    from scenerank.components.evaluator.summary import summarize
    from scenerank.components.records.evaluation import CANDIDATE, CHAMPION, SERVED
    from scenerank.components.records.release import Served
    from scenerank.schemas import Declaration

    declared = Declaration.model_validate_json(declaration)
    demanded = EvaluationSettings.model_validate_json(settings)
    given = {CANDIDATE: model, SERVED: served, CHAMPION: champion}
    paths = {name: path_utils.serving_model_path(artifact.uri) for name, artifact in given.items()}
    models = {name: path for name, path in paths.items() if name == CANDIDATE or storage.exists(path)}
    files = storage.expand([artifact_utils.get_split_uri([examples], "eval") + "/*"])
    with beam_pipeline as pipeline:
        evaluate(pipeline, files, models, declared, evaluation.uri, demanded.batch_size)
    best = Served.read(champion.uri).version
    summary = summarize(evaluation.uri, list(models), declared.request is not None, demanded, best)
    summary.write(evaluation.uri)
