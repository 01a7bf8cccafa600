"""Bus travel times learned from riders' phones; every setting is injected and nothing is global."""
