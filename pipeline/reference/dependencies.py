"""The table of dependencies, from `requirements.in` and both locks."""

from __future__ import annotations

import re

from scenerank.pipeline.reference.markdown import ROOT, table


def dependencies() -> str:
    """What `requirements.in` names, with the releases that the locks of both platforms have."""
    locked = [
        dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / f"requirements-{platform}.lock").read_text(), re.MULTILINE))
        for platform in ("py310", "py313")
    ]
    extras: dict[tuple[str, str, str], list[str]] = {}
    extra = ""
    for line in (ROOT / "requirements.in").read_text().splitlines():
        if heading := re.match(r"# \[(.*)\]", line):
            extra = heading[1]
        elif found := re.match(r"([\w-]+).*?# ([^:]+): (.+)", line):
            listed = extras.setdefault((found[1].replace("_", "-").lower(), found[2], found[3]), [])
            listed += [extra] if extra not in listed else []
    rows = []
    for (name, licence, why), names in extras.items():
        old, new = (lock.get(name, "—") for lock in locked)
        rows.append([name, new, old, ", ".join(filter(None, names)) or "always", licence, why])
    return table(["package", "py313", "py310", "extra", "licence", "what for"], rows)
