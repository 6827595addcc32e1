"""The test suite. A package, so that test modules can import `tests.cases` and `tests.reference`."""
