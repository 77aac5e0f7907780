"""The order of the code, read from the code itself: imports, lengths, docstrings, private names."""

from __future__ import annotations

import ast
import functools
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parents[1]
FLOORS = ("schemas", "models", "components", "pipeline")
"""From the ground up."""
PRIVATE = {"models/compat.py", "components/compat.py", "pipeline/compat.py"}
"""Files that may use what frameworks keep to themselves."""
HOOKS = {
    "keras": {"build", "call", "from_config", "get_config", "metrics", "test_step", "train_step", "update_step"},
    "callbacks": {"on_epoch_begin", "on_epoch_end", "on_train_batch_end"},
    "beam": {"decode", "encode", "process", "setup", "to_type_hint"},
    "tfx": {"Do"},
}
"""Methods that frameworks document."""


@functools.cache
def trees() -> dict[str, ast.Module]:
    """Every file of the four floors, parsed, by its path."""
    paths = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


def module(path: str) -> str:
    """The name that a file is imported by."""
    return f"scenerank.{path[:-3].replace('/', '.').removesuffix('.__init__')}"


def imported(tree: ast.Module) -> set[str]:
    """Modules, and names in them, wherever they are imported: in functions and for types alone, too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@functools.cache
def imports() -> dict[str, set[str]]:
    """Modules of ours that each one imports. A package stands for itself alone, not for what lies in it."""
    names = {module(path): tree for path, tree in trees().items()}
    found = {}
    for name, tree in names.items():
        used = imported(tree) & names.keys()
        inner = {one.rpartition(".")[0] for one in used}  # `from package import module` names both
        found[name] = {one for one in used if one not in inner} - {name}
    return found


def circles() -> set[str]:
    """Modules that import each other in a circle, or lead to one: what is left when those that import nothing else go,
    again and again."""
    left = dict(imports())
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    return set(left)


def upward() -> list[tuple[str, str]]:
    """Imports from a floor above."""
    level = {floor: number for number, floor in enumerate(FLOORS)}
    arrows = ((name, other) for name, others in imports().items() for other in others)
    return [(low, high) for low, high in arrows if level[high.split(".")[1]] > level[low.split(".")[1]]]


def longest() -> tuple[int, str]:
    """Lines of the longest file, and which it is."""
    return max((len((ROOT / path).read_text().splitlines()), path) for path in trees())


def undocumented() -> list[str]:
    """Public classes, functions and methods that do not say what they are."""
    named = ((path, name, node) for path, tree in trees().items() for name, node in public(tree))
    return [f"{path}: {name}" for path, name, node in named if not ast.get_docstring(node)]


def bases(node: ast.ClassDef) -> Iterator[ast.ClassDef]:
    """Classes of ours that a class derives from."""
    for base in node.bases:
        found = classes().get(ast.unparse(base).rpartition(".")[2])
        if found is not None and found is not node:
            yield found
            yield from bases(found)


def documented(node: ast.ClassDef) -> set[str]:
    """Methods that say what they are, and attributes, of which the class does."""
    methods = {part.name for part in node.body if isinstance(part, ast.FunctionDef) and ast.get_docstring(part)}
    values = [target for part in node.body if isinstance(part, ast.Assign) for target in part.targets]
    values += [part.target for part in node.body if isinstance(part, ast.AnnAssign)]
    return methods | {value.id for value in values if isinstance(value, ast.Name)}


def public(tree: ast.Module) -> Iterator[tuple[str, ast.ClassDef | ast.FunctionDef]]:
    """Classes and functions of a module, and what methods its classes add to those that they derive from."""
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        yield node.name, node
        if isinstance(node, ast.ClassDef):
            inherited = set().union(*HOOKS.values(), *(documented(base) for base in bases(node)))
            methods = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name[0] != "_"]
            own = [part for part in methods if part.name not in inherited or ast.get_docstring(part)]
            yield from ((f"{node.name}.{part.name}", part) for part in own)


@functools.cache
def classes() -> dict[str, ast.ClassDef]:
    """Classes of ours by their name."""
    return {node.name: node for tree in trees().values() for node in tree.body if isinstance(node, ast.ClassDef)}


DOCUMENTED = {"os._exit"}
"""Public, though its name begins as private ones do."""


def private(path: str, tree: ast.Module) -> list[str]:
    """What a file uses of frameworks' own."""
    if path in PRIVATE:
        return []
    found = [name for name in imported(tree) if name.startswith(("tensorflow.python", "tf_keras.src", "keras.src"))]
    own = names_defined(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (node.attr.startswith("_") and not node.attr.endswith("__")):
            found += [] if node.attr in own or ast.unparse(node) in DOCUMENTED else [ast.unparse(node)]
        if isinstance(node, ast.Attribute) and node.attr == "__internal__":
            found.append(ast.unparse(node))
    return found


def names_defined(tree: ast.Module) -> set[str]:
    """Functions, and attributes that the module gives to objects of its own classes."""
    found = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    declared = [node.target for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)]
    found |= {target.id for target in declared if isinstance(target, ast.Name)}
    return found | {node.attr for node in stored if ast.unparse(node.value) == "self"}
