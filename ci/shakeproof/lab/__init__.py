"""Running experiments and getting runs. `base` says what a laboratory is; `fresh` starts a new process for each."""
