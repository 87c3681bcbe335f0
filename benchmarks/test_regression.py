"""The quickstart against a stored baseline, by accuracy, pace and memory.

`pytest benchmarks/test_regression.py --benchmark-json=baseline.json` stores one,
`--mtbench-baseline=baseline.json` compares with it.
"""


def test_quickstart(mtbench_regression):
    mtbench_regression("suites/quickstart.yaml", scenarios=["joint"])
