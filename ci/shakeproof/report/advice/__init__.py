"""How each kind of finding is mended (pure): the idiom in a few words, and in a few lines."""

from shakeproof.report.advice.conditions import advice_for_condition
from shakeproof.report.advice.idiom import Advice
from shakeproof.report.advice.leaks import advice_for, categories
from shakeproof.report.advice.on_import import advice_on_import
from shakeproof.report.advice.overlaps import advice_on_overlap

__all__ = [
    "Advice",
    "advice_for",
    "advice_for_condition",
    "advice_on_import",
    "advice_on_overlap",
    "categories",
]
