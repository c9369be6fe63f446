"""The few errors that pinning raises on purpose."""


class PinningError(Exception):
    """Base of every error below."""


class UnknownClusterError(PinningError, LookupError):
    """A cluster was named that the PINNING setting does not know."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"There is no cluster {name!r}: PINNING['REPLICAS'] names {', '.join(known) or 'none'}."
        )
