"""What DistributionValidator compares, derived from the declaration."""

from __future__ import annotations

from tfx.proto import distribution_validator_pb2

from scenerank.schemas.columns import Column
from scenerank.schemas.declaration import Declaration


def _watched(declaration: Declaration) -> list[Column]:
    """The scenario, the label and the categories that describe users.

    Histograms of heavy-tailed numbers (followers, prices) differ from day to day by their bins alone. Ids change
    by nature, the attributes of items with what is promoted, the hour and the weekday with the day.
    """
    named = [c for c in declaration.group("user") if c.encoding is not None and c.encoding.names_values]
    attributes = [c for c in named if not c.key]
    return [declaration.scenario, declaration.label, *attributes]


def drift_config(
    declaration: Declaration,
    threshold: float = 0.3,
    label_threshold: float | None = None,
    volume: tuple[float, float] | None = None,
) -> distribution_validator_pb2.DistributionValidatorConfig:
    """Comparators of one day against the one before.

    Strings are compared by the L-infinity distance: the greatest change of any value's share. Numbers, coded
    ids among them, are compared by the Jensen-Shannon divergence in bits.

    Args:
      threshold: of every column but the label.
      label_threshold: divergence of the label; a tenth of `threshold` by default, since rates are small:
        0.03 stands for a click rate of 4 % that becomes 15 %.
      volume: least and greatest number of examples over the day before's; not compared by default.
    """
    out = distribution_validator_pb2.DistributionValidatorConfig()
    for column in _watched(declaration):
        feature = out.default_slice_config.feature.add()
        feature.path.step.append(column.name)
        comparator = feature.distribution_comparator
        if column.group == "label":
            limit = threshold / 10 if label_threshold is None else label_threshold
            comparator.jensen_shannon_divergence.threshold = limit
        elif column.type == "string":
            comparator.infinity_norm.threshold = threshold
        else:
            comparator.jensen_shannon_divergence.threshold = threshold
    if volume is not None:
        fractions = out.default_slice_config.num_examples_comparator
        fractions.min_fraction_threshold, fractions.max_fraction_threshold = volume
    return out
