"""The state that tests leave behind: looked at before and after, told, and put back piece by piece.

Runs inside the tested interpreter: the standard library, and nothing else. Each probe is a small class behind the
protocol of `protocol.py`; `observer.py` keeps a set of them.
"""
