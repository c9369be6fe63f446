"""The tables of the benchmarks that compare no routers."""
