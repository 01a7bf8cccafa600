"""What the fork laboratory gains over plain pytest, measured: `python -m benchmarks.lab_benchmark --help`."""
