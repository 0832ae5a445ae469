"""A name, an argument or a default that scripts use does not change unnoticed."""

from pathlib import Path

from public_api import public_api

SNAPSHOT = Path(__file__).parents[1] / "fixtures" / "public-api.txt"


def test_names_arguments_and_defaults_are_those_of_the_snapshot():
    # A change that is meant is written down with `make api`; what it takes from scripts stands in the changelog.
    assert public_api() == SNAPSHOT.read_text(encoding="utf-8")
