"""The few errors that pinning raises on purpose."""

from django.db import InternalError, OperationalError


class PinningError(Exception):
    """Base of every error below."""


class UnknownClusterError(PinningError, LookupError):
    """A cluster was named that the PINNING setting does not know."""

    def __init__(self, name: object, known: tuple[str, ...], source: str = "") -> None:
        """``source`` says who named it, where that is no setting."""
        named = f"{name!r}, which {source}" if source else repr(name)
        super().__init__(
            f"There is no cluster {named}: PINNING['REPLICAS'] names {', '.join(known) or 'none'}."
        )


class SilentReplicaError(PinningError):
    """A replica left a probe without an answer. Nobody gets it but the log and ``replica_down``."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is for how long."""
        super().__init__(f"It did not answer a probe for {seconds * 1000:.0f} ms.")


class LaggingReplicaError(PinningError):
    """A replica lags more than MAX_LAG. Nobody gets it but the log and ``replica_down``."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is by how much, at least."""
        super().__init__(f"It lags by {seconds:.1f} s or more.")


class ReadOnlyClusterError(PinningError):
    """Something was to be written to a cluster of READ_ONLY; the statement was not run."""

    def __init__(self, cluster: str, subject: str) -> None:
        """``subject`` is the label of the model, or what else was to be written."""
        super().__init__(
            f"{subject} cannot be written to the cluster {cluster!r}: PINNING['READ_ONLY'] names "
            "it. Take it out of READ_ONLY, or write to another cluster."
        )


class NotAPrimaryError(PinningError, OperationalError, InternalError):
    """A primary's alias leads to a server that takes no writes; nothing was written.

    It is also an InternalError and an OperationalError: Django raises one or the other, by vendor,
    where the server refuses the write itself.
    """

    def __init__(self, alias: str) -> None:
        """``alias`` is the primary's."""
        super().__init__(
            f"{alias!r} leads to a server that takes no writes: a standby, after a failover say. "
            f"Nothing was written. Point {alias!r} in DATABASES, or the name, pooler or proxy that "
            "it goes through, to the primary."
        )
