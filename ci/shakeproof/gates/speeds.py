"""From when on a test or a benchmark is called fast, medium or slow."""

from typing import Final

FAST_BELOW: Final = 0.1  # seconds
MEDIUM_BELOW: Final = 1.0  # seconds
