"""The domain: settings, clock, time bins, learning, rides and storage."""
