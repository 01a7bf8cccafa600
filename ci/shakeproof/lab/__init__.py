"""Running experiments and getting runs: `base` says what a laboratory is, `fresh` and `fork` are two."""
