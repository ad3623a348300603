"""What ends a command of this package: a sentence for whoever ran it."""


class BadInputError(Exception):
    """Something that was given cannot be used; the text says what, where, and what to do."""
