"""What differs between the platforms in what components call."""

from __future__ import annotations

import pyarrow

UNPICKLES = int(pyarrow.__version__.split(".")[0]) < 15
"""Whether pyarrow by itself unpickles a file's extension types (CVE-2023-47248)."""

if UNPICKLES:
    import pyarrow_hotfix  # noqa: F401
