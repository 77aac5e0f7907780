"""Blesser: reads the evaluation and says whether the candidate may go into service.

TFMA's thresholds cannot say "every scenario above a size"; and a sentence for each objection is what the
person on call wants to read. Layout: `BLESSED` or `NOT_BLESSED`, as TFX has it, and `verdict.json`.
"""

import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types.standard_artifacts import ModelBlessing, ModelEvaluation


@component
def Blesser(
    evaluation: InputArtifact[ModelEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    settings: Parameter[str],
) -> None:
    """Args: settings: JSON of EvaluationSettings."""
    from components.blesser.rules import deciding, objections
    from components.evaluator.settings import EvaluationSettings

    demanded = EvaluationSettings.model_validate_json(settings)
    with fileio.open(f"{evaluation.uri}/metrics.json") as stream:
        summary = json.loads(stream.read())
    found = objections(summary, demanded)
    blessing.set_int_custom_property("blessed", 0 if found else 1)
    decided = deciding(summary, demanded)
    verdict = {
        "blessed": not found,
        "objections": found,
        "deciding_scenarios": decided,
        "left_out_scenarios": [s for s in summary["slices"] if s and s not in decided],
    }
    fileio.makedirs(blessing.uri)
    for name, text in (("NOT_BLESSED" if found else "BLESSED", ""), ("verdict.json", json.dumps(verdict, indent=1))):
        with fileio.open(f"{blessing.uri}/{name}", "w") as stream:
            stream.write(text)
