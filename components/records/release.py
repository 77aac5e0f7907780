"""What was decided of a model, and what the pushed one carries with it."""

from __future__ import annotations

from typing import Any, ClassVar

from scenerank.components.records.evaluation import SliceMetrics
from scenerank.components.records.record import Record
from scenerank.components.records.window import Window
from scenerank.schemas import Declaration, load_declaration


class Blessing(Record):
    """`verdict.json` of the Blesser.

    Attributes:
      objections: one sentence for each rule that the candidate breaks.
      remarks: sentences on what the verdict rests on, and on what it did not stop.
      deciding_scenarios: large enough to have a say of their own; left_out_scenarios: the others.
    """

    FILE: ClassVar[str] = "verdict.json"
    blessed: bool = False
    objections: list[str] = []
    remarks: list[str] = []
    deciding_scenarios: list[str] = []
    left_out_scenarios: list[str] = []


class Pushed(Record):
    """`version.json` of the Pusher.

    Attributes:
      version: 0 if nothing was pushed.
      new: whether it was pushed now; an equal model is not pushed again.
    """

    FILE: ClassVar[str] = "version.json"
    version: int = 0
    new: bool = False


class Served(Record):
    """`version.json` of ServedModel and ChampionModel: the version that lies beside it; None where there is none."""

    FILE: ClassVar[str] = "version.json"
    version: int | None


class ModelLineage(Record):
    """`lineage.json` among a pushed SavedModel's extra assets: what it was made of, and how it was judged.

    Attributes:
      day: of its run.
      version: its own; weights_digest: of its training weights; files: SHA-256 of each of its files by path.
      code_version, config, declaration: of the run; no declaration in versions of older releases.
      training: where its weights come from.
      window: days of its splits.
      metrics: slices of its evaluation.
    """

    FILE: ClassVar[str] = "assets.extra/lineage.json"
    day: str = ""
    version: int = 0
    weights_digest: str = ""
    files: dict[str, str] = {}
    code_version: str = ""
    config: dict[str, Any] = {}
    declaration: dict[str, Any] | None = None
    training: dict[str, Any] = {}
    window: Window | None = None
    metrics: dict[str, dict[str, SliceMetrics]] = {}

    @property
    def declared(self) -> Declaration:
        """The declaration that the version was made with; what is in its file now, where an older release pushed it.

        Raises:
          DeclarationError: such a file is gone.
        """
        if self.declaration is None:
            return load_declaration(self.config["declaration"])
        return Declaration.model_validate(self.declaration)
