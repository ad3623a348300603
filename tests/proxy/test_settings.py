"""What the flags of a proxy say of its callers."""

from argparse import ArgumentParser

import pytest

from tierway_proxy.shell.settings import Authentication, SettingsError, add_arguments, from_arguments


def given(*flags):
    parser = ArgumentParser()
    add_arguments(parser)
    return from_arguments(parser.parse_args(flags))


def test_callers_are_asked_for_a_key_only_where_that_is_said():
    """The chart says it; a proxy by itself has nobody to ask."""
    assert given().authentication is None
    assert given("--authentication=Required").authentication == Authentication(audience="tierway", keys_secret=None)
    flags = ("--authentication=Required", "--audience=llm", "--caller-keys-secret=callers")
    assert given(*flags).authentication == Authentication(audience="llm", keys_secret="callers")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--caller-keys-secret=callers",), "add --authentication=Required"),
        (("--authentication=Required", "--tables=x"), "asks the Kubernetes API, which --tables does without"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(flags, sentence):
    """Keys that nobody asks for would be a false comfort."""
    with pytest.raises(SettingsError, match=sentence):
        given(*flags)
