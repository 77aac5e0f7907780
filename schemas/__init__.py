"""What a data set is: one declaration of its columns, from which all else is derived."""

from scenerank.schemas.columns import FAIRNESS, Column, DerivedColumn, Encoding
from scenerank.schemas.declaration import (
    HISTORY_LENGTH,
    Declaration,
    DeclarationError,
    bundled,
    load_declaration,
)

__all__ = [
    "FAIRNESS",
    "HISTORY_LENGTH",
    "Column",
    "Declaration",
    "DeclarationError",
    "DerivedColumn",
    "Encoding",
    "bundled",
    "load_declaration",
]
