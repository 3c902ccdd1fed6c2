"""Programs that are interrupted by the tests: run as scripts, without a guard on `__main__`."""
