"""The app as everybody gets it: nobody is asked with which settings."""

from fastapi import FastAPI

from backend.api.app import create_app
from backend.core.clock import SystemClock
from backend.core.config import get_settings


def build_app() -> FastAPI:
    return create_app(get_settings(), clock=SystemClock())
