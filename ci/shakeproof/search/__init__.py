"""The search for unstable tests in a laboratory: which orders are tried when, until the budget is spent."""
