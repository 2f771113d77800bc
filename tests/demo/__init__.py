"""The demonstration that `make demo` runs; `tests/test_demo.py` runs it too."""
