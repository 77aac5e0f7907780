"""Log formats, and inputs of the signatures, from declarations."""

from __future__ import annotations

from scenerank.pipeline.reference.markdown import table
from scenerank.schemas import Column, Declaration, bundled, load_declaration


def log_formats() -> str:
    """A heading and a table for each bundled declaration."""
    parts = []
    for name in bundled():
        declaration = load_declaration(name)
        parts.append(f"## `{name}`\n\n{declaration.description}\n\n{log_format(declaration)}\n\n{_joined(declaration)}")
    return "\n\n".join(parts)


def log_format(declaration: Declaration) -> str:
    """Table of a data set's log columns."""
    rows = [
        [
            f"`{column.name}`",
            column.type,
            f"{column.group}{', key' if column.key else ''}",
            _allowed(column),
            _encoding(column),
            column.description,
        ]
        for column in declaration.columns
    ]
    return table(["column", "type", "group", "allowed", "encoding", "meaning"], rows)


def _allowed(column: Column) -> str:
    rules = [] if column.required else [f"null: {column.fill!r}"]
    if column.values is not None:
        rules.append(" or ".join(map(str, column.values)))
    rules += [f"{sign} {bound:g}" for sign, bound in (("≥", column.min), ("≤", column.max)) if bound is not None]
    return ", ".join(rules)


def _encoding(column: Column) -> str:
    encoding = column.encoding
    if encoding is None:
        return "—"
    if encoding.kind == "vocabulary":
        return "vocabulary" + (f", ≥ {encoding.min_count} rows" if encoding.min_count > 1 else "")
    return encoding.kind + (f" {encoding.size}" if encoding.size else "")


def _joined(declaration: Declaration) -> str:
    """What the pipeline joins to a row: histories and rates."""
    lines, history, rates = [], declaration.history, declaration.rates
    if history:
        types = ", ".join(f"{name} (`{column}`)" for name, column in history.types.items())
        matches = f"; matches by {', '.join(f'`{name}`' for name in history.matches)}" if history.matches else ""
        delays = dict(zip(history.types, history.delays))
        old = " or ".join(f"{delay} ms" for delay in dict.fromkeys(delays.values()))
        lines.append(
            f"- History: the last {history.length} behaviors of {history.days} days, at least {old} old, of type "
            f"{types}{matches}."
        )
    if rates:
        keys = ", ".join(" × ".join(f"`{name}`" for name in key) for key in rates.keys)
        events = ", ".join(f"`{name}`" for name in rates.events)
        lines.append(f"- Rates: {events} of the {rates.days} days before, by {keys}.")
    return "\n".join(lines)


def signature_inputs() -> str:
    """Inputs of `predict` and `rank`, of the simulator's declaration."""
    from scenerank.components.export.ranking import rank_signature
    from scenerank.components.export.serving import predict_signature

    declaration, rows = load_declaration("simulator"), []
    flat = predict_signature(declaration)
    for name, ranked in rank_signature(declaration, flat).items():
        is_list, per_candidate = flat[name].shape.rank == 2, ranked.shape.rank > flat[name].shape.rank
        shapes = ["[B, L]", "[R, L]"] if is_list else ["[B]", "[R, N]" if per_candidate else "[R]"]
        rows.append([f"`{name}`", ranked.dtype.name, *(f"`{shape}`" for shape in shapes)])
    return table(["input", "type", "`predict`", "`rank`"], rows)
