"""The folder of weights that the next training starts from.

Layout: `weights.npz` (arrays by the names of `models.base.named_weights`, bias nets and all), `optimizer.npz` (see
`optimizer_state`; only where `trainer.mode` is `incremental`), `features.json` (the FeatureSet), `vocabularies.json`
(table -> values of rows 1, 2, ..., in order), `lineage.json` (see `lineage`), `history.json` (see
`components.trainer.run`). Same training, same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow_transform as tft

from scenerank.components import storage
from scenerank.components.trainer.checkpoint.lineage import Lineage
from scenerank.errors import DataError, one_line
from scenerank.schemas import Declaration
from scenerank.schemas.columns import HISTORY_TYPE
from scenerank.schemas.features import FeatureSet

WEIGHTS, OPTIMIZER = "weights.npz", "optimizer.npz"
FEATURES, VOCABULARIES, HISTORY = "features.json", "vocabularies.json", "history.json"


@dataclasses.dataclass(frozen=True)
class Weights:
    """Weights and what their rows stand for.

    Attributes:
      arrays: by weight name.
      features: what the model was built from.
      vocabularies: by table: the values of rows 1, 2, ...; tables that hash, or cut numbers into buckets,
        have none.
      optimizer: its state, see `optimizer_state`; empty where it was not kept.
      lineage: None where weights are of a time before lineages.
    """

    arrays: Mapping[str, np.ndarray]
    features: FeatureSet
    vocabularies: Mapping[str, list[str]]
    optimizer: Mapping[str, np.ndarray] = dataclasses.field(default_factory=dict)
    lineage: Lineage | None = None

    @property
    def digest(self) -> str:
        """Changes whenever a weight does, or a moment."""
        hashed = hashlib.sha256()
        for arrays in (self.arrays, self.optimizer):
            for name in sorted(arrays):
                hashed.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
        return hashed.hexdigest()[:16]

    def write(self, folder: str, history: Mapping[str, Any]) -> None:
        """Writes all of it, and the training's history, into a folder."""
        write_arrays(f"{folder}/{WEIGHTS}", self.arrays)
        if self.optimizer:
            write_arrays(f"{folder}/{OPTIMIZER}", self.optimizer)
        if self.lineage is not None:
            self.lineage.write(folder)
        texts = {
            FEATURES: self.features.to_json(),
            VOCABULARIES: json.dumps(dict(self.vocabularies), ensure_ascii=False),
            HISTORY: json.dumps(history, indent=1),
        }
        for name, text in texts.items():
            storage.write(f"{folder}/{name}", text)

    @classmethod
    def read(cls, folder: str) -> Weights | None:
        """None if there is no such folder, or nothing in it."""
        if not storage.exists(f"{folder}/{WEIGHTS}"):
            return None
        texts = {name: storage.read_text(f"{folder}/{name}") for name in (FEATURES, VOCABULARIES)}
        kept = storage.exists(f"{folder}/{OPTIMIZER}")
        return cls(
            read_arrays(f"{folder}/{WEIGHTS}"),
            FeatureSet.from_json(texts[FEATURES]),
            json.loads(texts[VOCABULARIES]),
            read_arrays(f"{folder}/{OPTIMIZER}") if kept else {},
            Lineage.read(folder),
        )


def vocabularies(declaration: Declaration, tft_output: tft.TFTransformOutput) -> dict[str, list[str]]:
    """Values of the rows of each table that lists them."""
    listed = [c.name for c in declaration.features if c.encoding and c.encoding.kind == "vocabulary"]
    out = {name: [value.decode() for value in tft_output.vocabulary_by_name(name)] for name in listed}
    if declaration.history is not None:
        out[HISTORY_TYPE.name] = list(declaration.history.types)
    return out


def write_arrays(path: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes an .npz in one step."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    storage.write(path, buffer.getvalue())


def read_arrays(path: str) -> dict[str, np.ndarray]:
    """Arrays of an .npz as `write_arrays` writes it.

    Raises:
      DataError: it is another kind of file, holds objects, or is compressed, which could be any size when inflated.
    """
    text = io.BytesIO(storage.read(path))
    try:
        with zipfile.ZipFile(text) as parts:
            if any(part.compress_type != zipfile.ZIP_STORED for part in parts.infolist()):
                raise ValueError("it is compressed")
        with np.load(text) as archive:
            return {name: archive[name] for name in archive.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} holds no weights ({one_line(error)}): roll back to another version, or train from scratch, with "
            "trainer.mode=full and trainer.warm_start=false"
        ) from None
