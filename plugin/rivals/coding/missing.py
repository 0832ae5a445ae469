"""What a rival says where a library, program or model that it needs is not there."""


class RivalMissingError(ValueError):
    """A rival can't be used here; its sentence says what is missing and how to get it."""
