"""Roles of files by their paths: tests, examples and old code are indexed, but rank lower or are left out."""

from __future__ import annotations

import re

TEST_FOLDERS = frozenset(
    """
    test tests __tests__ testdata test_data test-data testsuite testsuites test-suite unittest unittests
    spec specs __mocks__ __fixtures__ e2e cypress androidtest integration-tests integration_tests
    functional-tests src-test testfixtures test-fixtures commontest jvmtest iostest
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)
_TEST_FOLDER = re.compile(r"(?:^|[a-z0-9]|[._-])(?:Unit|UI|Integration)?Tests?$")
"""Names of test projects in C# and Swift, such as `Shop.Tests` and `ShopUITests`."""
_TEST_NAME = re.compile(
    r"""
    ^tests?[_.-] | ^conftest\.py$ | ^tests?\.[a-z]+$ | ^(?:spec|test)_helper\.rb$
    | [_.-](?:unit)?tests?\.[a-z]+$ | [_.-]specs?\.[a-z]+$ | \.(?:cy|e2e)\.[a-z]+$
    """,
    re.VERBOSE,
)
_TEST_CLASS = re.compile(
    r"(?:^Test[A-Z]\w*|[A-Za-z0-9_](?:Tests?|TestCase|TestBase|TestSuite|Spec|Specs)|[a-z0-9]Suite|[a-z0-9]IT)"
    r"\.(?:java|kt|kts|scala|groovy|cs|fs|vb|php|swift|m|mm|cpp|cc|h)$"
)


def is_test(path: str) -> bool:
    """Return whether a path belongs to tests by the conventions of the supported languages."""
    *folders, name = path.split("/")
    return (
        any(part.lower() in TEST_FOLDERS or _TEST_FOLDER.search(part) for part in folders)
        or _TEST_NAME.search(name.lower()) is not None
        or _TEST_CLASS.search(name) is not None
    )


TEST_WORDS = frozenset(("test", "tests", "testing", "spec", "specs", "unittest", "fixture", "fixtures"))
EXAMPLE_WORDS = frozenset(
    """
    example examples sample samples demo demos doc docs documentation bench benchmark benchmarks perf fuzz
    fuzzing script scripts tool tools
    """.split()  # noqa: SIM905 - a list of this length is harder to read
)
LEGACY_WORDS = frozenset(("deprecated", "legacy", "old", "compat", "vendor", "vendored", "generated"))
"""Words of a query that asks for old code."""

_EXAMPLE = re.compile(
    r"(?:^|/)_?(?:examples?|samples?|demos?|docs?|bench(?:marks?)?|perf|fuzz(?:ing)?|scripts?|tools?)(?:/|\.)|benchmark",
    re.IGNORECASE,
)
_LEGACY = re.compile(
    r"(?:^|/)_?(?:v\d+|deprecated|legacy|old|compat|vendor|third_party|generated)(?:/|\.)", re.IGNORECASE
)


def is_example(path: str) -> bool:
    """Return whether a path belongs to examples, benchmarks or scripts, which use code from elsewhere."""
    return _EXAMPLE.search(path) is not None


def is_legacy(path: str) -> bool:
    """Return whether a path belongs to an old version, or to code copied from elsewhere."""
    return _LEGACY.search(path) is not None
