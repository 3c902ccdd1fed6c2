"""A program that makes calls and kills them, for `tests/test_kill.py`."""
