"""Finding the coefficient of each impression."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class FairnessLookup:
    """Coefficients of some pairs, ready to be looked up: 12 bytes a pair and the distinct keys.

    Args:
      table: scenario, item and fc, each pair once.
    """

    def __init__(self, table: pa.Table):
        scenario = pc.dictionary_encode(table["scenario"].combine_chunks())
        item = pc.dictionary_encode(table["item"].combine_chunks())
        self._scenarios, self._items = scenario.dictionary, item.dictionary
        codes = self._codes(scenario.indices, item.indices)
        order = np.argsort(codes, kind="stable")
        self._sorted = codes[order]
        self._fc = table["fc"].to_numpy()[order].astype(np.float32)

    def _codes(self, scenario: pa.Array, item: pa.Array) -> np.ndarray:
        return scenario.to_numpy().astype(np.int64) * len(self._items) + item.to_numpy()

    def __call__(self, scenario: pa.Array, item: pa.Array) -> np.ndarray:
        """float32 `[n]` for keys `[n]`.

        Raises:
          KeyError: a pair that the table lacks.
        """
        scenario_code = pc.index_in(scenario, value_set=self._scenarios)
        item_code = pc.index_in(item, value_set=self._items)
        found = np.zeros(len(scenario), bool)
        at = np.zeros(len(scenario), np.int64)
        if scenario_code.null_count == 0 and item_code.null_count == 0 and len(self._sorted):
            codes = self._codes(scenario_code, item_code)
            at = np.minimum(np.searchsorted(self._sorted, codes), len(self._sorted) - 1)
            found = self._sorted[at] == codes
        if not found.all():
            row = int(np.argmin(found))
            raise KeyError(f"no Fairness Coefficient for scenario {scenario[row]}, item {item[row]}")
        return self._fc[at]
