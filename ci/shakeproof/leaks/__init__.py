"""What `pytest --leaks` says, and which leaks it puts up with."""
