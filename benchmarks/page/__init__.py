"""The page about the benchmarks: docs/benchmarks.md, made of the raw numbers in benchmarks/results.

- `results`: the numbers; `summaries`: what they amount to
- `tables`, `plots` and `report`: what is on the page; `budgets`: what routing may cost
"""
