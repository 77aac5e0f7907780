"""Blesser: reads the evaluation and says whether the candidate may go into service.

TFMA's thresholds know no standard errors and cannot say "every scenario above a size"; and a sentence for each
objection is what the person on call wants to read. Layout: `BLESSED` or `NOT_BLESSED`, as TFX has it, and
`verdict.json`.
"""

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ModelBlessing, ModelEvaluation

from scenerank.components import storage


@component
def Blesser(
    evaluation: InputArtifact[ModelEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    settings: Parameter[str],
) -> None:
    """Args: settings: JSON of EvaluationSettings."""
    from scenerank.components.blesser.rules import objections, remarks
    from scenerank.components.evaluator.deciding import deciding
    from scenerank.components.evaluator.settings import EvaluationSettings
    from scenerank.components.records.evaluation import OVERALL, Evaluation
    from scenerank.components.records.release import Blessing

    demanded = EvaluationSettings.model_validate_json(settings)
    summary = Evaluation.read(evaluation.uri)
    found = objections(summary, demanded)
    blessing.set_int_custom_property("blessed", 0 if found else 1)
    decided = deciding(summary, demanded)
    verdict = Blessing(
        blessed=not found,
        objections=found,
        remarks=remarks(summary, demanded),
        deciding_scenarios=decided,
        left_out_scenarios=[s for s in summary.slices if s != OVERALL and s not in decided],
    )
    storage.write(f"{blessing.uri}/{'NOT_BLESSED' if found else 'BLESSED'}", "")
    verdict.write(blessing.uri)
