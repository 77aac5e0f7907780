"""The TensorFlow Metadata schema that a declaration yields."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import schema_pb2

from scenerank.schemas.columns import FAIRNESS, FEATURE_GROUPS, HISTORY_AGE, HISTORY_TYPE, Column, DerivedColumn
from scenerank.schemas.declaration import Declaration

TRAINING, SERVING = "TRAINING", "SERVING"
_TYPES = {"int64": schema_pb2.INT, "float32": schema_pb2.FLOAT, "string": schema_pb2.BYTES}


def schema(declaration: Declaration, fairness: bool = False) -> schema_pb2.Schema:
    """Schema of the examples that ingestion writes.

    Every log column and rate is a required scalar, every history a list that may be empty and is read as
    a ragged tensor. Columns that are no features are absent in the environment `SERVING`.

    Args:
      fairness: also has the column that FairnessCoefficient adds.
    """
    out = schema_pb2.Schema(default_environment=[TRAINING, SERVING])
    for column in declaration.kept:
        _scalar(out, column)
    for derived in (*declaration.history_columns, *declaration.rate_columns):
        if derived.kind == "history":
            _list(out, derived, declaration)
        else:
            feature = _required(out, derived.name, derived.type)
            feature.float_domain.disallow_nan = feature.float_domain.disallow_inf = True
    if fairness:
        feature = _required(out, FAIRNESS, "float32")
        feature.float_domain.min = 0.0
        feature.float_domain.disallow_nan = feature.float_domain.disallow_inf = True
        feature.not_in_environment.append(SERVING)
    return out


def _required(out: schema_pb2.Schema, name: str, kind: str) -> schema_pb2.Feature:
    feature = out.feature.add(name=name, type=_TYPES[kind])
    feature.presence.min_fraction, feature.presence.min_count = 1.0, 1
    feature.shape.SetInParent()
    representations = out.tensor_representation_group[""].tensor_representation
    representations[name].dense_tensor.column_name = name
    representations[name].dense_tensor.shape.SetInParent()
    return feature


def _scalar(out: schema_pb2.Schema, column: Column) -> None:
    feature = _required(out, column.name, column.type)
    if column.group not in FEATURE_GROUPS or column.encoding is None:
        feature.not_in_environment.append(SERVING)
    _domain(feature, column)


def _list(out: schema_pb2.Schema, derived: DerivedColumn, declaration: Declaration) -> None:
    assert declaration.history is not None
    feature = out.feature.add(name=derived.name, type=_TYPES[derived.type])
    feature.value_count.max = declaration.history.length
    if derived.name == HISTORY_TYPE.name:
        feature.string_domain.value.extend(declaration.history.types)
    elif derived.name == HISTORY_AGE.name:
        feature.float_domain.min = 0.0
    elif derived.source is not None:
        _domain(feature, declaration[derived.source])
    ragged = out.tensor_representation_group[""].tensor_representation[derived.name].ragged_tensor
    ragged.feature_path.step.append(derived.name)
    ragged.row_partition_dtype = schema_pb2.TensorRepresentation.RowPartitionDType.INT64


def _domain(feature: schema_pb2.Feature, column: Column) -> None:
    """Bounds and allowed values; a null's default may lie outside of them, so they are widened by it."""
    fill = [] if column.required or isinstance(column.fill, str) else [column.fill]
    if column.type == "int64":
        categorical = column.encoding is not None and column.encoding.names_values
        whole = [int(v) for v in (*(column.values or ()), *fill)]
        if categorical:
            feature.int_domain.is_categorical = True
        if column.values is not None:
            feature.int_domain.min, feature.int_domain.max = min(whole), max(whole)
        if column.min is not None:
            feature.int_domain.min = int(min([column.min, *fill]))
        if column.max is not None:
            feature.int_domain.max = int(max([column.max, *fill]))
    elif column.type == "float32":
        feature.float_domain.disallow_nan = feature.float_domain.disallow_inf = True
        if column.min is not None:
            feature.float_domain.min = float(min([column.min, *fill]))
        if column.max is not None:
            feature.float_domain.max = float(max([column.max, *fill]))
    elif column.values is not None:
        allowed = [str(v) for v in column.values]
        feature.string_domain.value.extend(allowed if column.required else [*allowed, str(column.fill)])
