"""The command line: serve, load a feed, simulate riders."""
