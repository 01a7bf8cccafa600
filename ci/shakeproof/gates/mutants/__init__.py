"""Whether tests notice when the code is wrong: mutmut changes it in many small ways and runs them each time.

Not cosmic-ray, which starts a pytest for each mutant: mutmut forks one that has imported everything. It changes what
stands in functions, so constants and class bodies go unmutated.

    python -m shakeproof.gates.mutants --out reports/mutants [NAME...]
"""
