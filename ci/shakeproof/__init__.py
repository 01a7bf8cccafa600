"""Shakeproof proves that a pytest suite is stable, or names what makes it unstable.

Data flows one way: arguments -> experiments -> lab -> runs -> classify -> confirm -> report. The values that travel
are in `model`; judgement (`orders`, `investigate.classify`, `evidence`) is pure; only `lab` starts processes and only
`report` writes.
"""

__version__ = "0.1.0"
