"""What the whole suite costs, and where its time goes.

Data flows one way: settings -> arms -> running -> timed runs -> spread, scaling, breakdown -> judging -> verdict, page,
trend. Only `running`, `machine` and `command` do anything, and `watch` inside pytest; the rest judges values.

    python -m shakeproof.gates.cost --out reports/suite-cost [--write [PAGE]] [--quick] [-- PYTEST_ARGS...]
"""
