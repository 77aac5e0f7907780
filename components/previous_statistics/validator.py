"""DistributionValidator as containers run it: TFX's, which wants a message where a container is given its JSON."""

from typing import Any

from google.protobuf import json_format
from tfx import types
from tfx.components.distribution_validator import component, executor
from tfx.dsl.components.base import executor_spec
from tfx.proto import distribution_validator_pb2
from tfx.proto.orchestration import execution_result_pb2
from tfx.types.standard_component_specs import DISTRIBUTION_VALIDATOR_CONFIG_KEY as CONFIG


class Executor(executor.Executor):
    """TFX's executor; its configuration may also be the JSON text of a DistributionValidatorConfig."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> execution_result_pb2.ExecutorOutput:
        given = exec_properties[CONFIG]
        if isinstance(given, str):
            given = json_format.Parse(given, distribution_validator_pb2.DistributionValidatorConfig())
        return super().Do(input_dict, output_dict, {**exec_properties, CONFIG: given})


class DistributionValidator(component.DistributionValidator):
    """See TFX's component of the same name."""

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
