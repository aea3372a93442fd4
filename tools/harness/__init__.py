"""What the scenario tests, the crash tests and the benchmarks share: starting, watching and
stopping real programs in temporary directories on free ports. Standard library only."""
