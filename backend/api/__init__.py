"""The HTTP interface: create_app, services, routes, key, errors."""
