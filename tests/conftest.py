"""Before any test module imports a library that loads Keras."""

import components  # noqa: F401
