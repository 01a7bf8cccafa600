"""`python -m backend openapi`: the OpenAPI document, as it stands in `docs/openapi.json`."""

import json

from backend.api.app import create_app
from backend.core.clock import Clock
from backend.core.settings import Settings


def document(settings: Settings, clock: Clock) -> str:
    """Return the document as text that ends with a line feed; no database is opened for it."""
    app = create_app(settings, clock=clock)
    return json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
