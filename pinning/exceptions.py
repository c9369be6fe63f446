"""The exceptions that a project may meet, all derived from ``PinningError``, and a warning."""

from django.db import InternalError, OperationalError


class PinningError(Exception):
    """Base of every error below."""


class UnknownClusterError(PinningError, LookupError):
    """The PINNING setting has no cluster of the given name."""

    def __init__(self, name: object, known: tuple[str, ...], source: str = "") -> None:
        """``source`` says what gave the name, if no setting did: ``"route gave for app.Model"``."""
        named = f"{name!r}, which {source}" if source else repr(name)
        super().__init__(
            f"There is no cluster {named}: PINNING['REPLICAS'] names {', '.join(known) or 'none'}."
        )


class SilentReplicaError(PinningError):
    """A replica did not answer a probe. Never raised: the log and ``replica_down`` carry it."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is how long the probe has waited."""
        super().__init__(f"It did not answer a probe for {seconds * 1000:.0f} ms.")


class LaggingReplicaError(PinningError):
    """A replica lags more than MAX_LAG. Never raised: the log and ``replica_down`` carry it."""

    def __init__(self, seconds: float) -> None:
        """``seconds`` is the lag, or less than it."""
        super().__init__(f"It lags by {seconds:.1f} s or more.")


class ReadOnlyClusterError(PinningError):
    """A statement would write to a cluster that READ_ONLY names. The statement was not run."""

    def __init__(self, cluster: str, subject: str) -> None:
        """``subject`` says what cannot be written: the label of a model, a table, a statement."""
        super().__init__(
            f"{subject} cannot be written to the cluster {cluster!r}: PINNING['READ_ONLY'] names "
            "it. Take it out of READ_ONLY, or write to another cluster."
        )


class AcrossClustersError(PinningError):
    """A query or a relation needs rows of two clusters at once. It was not sent.

    Without it Django would show too few rows, or none: see docs/one-to-many.md.
    """


class NotAPrimaryError(PinningError, OperationalError, InternalError):
    """The alias of a primary leads to a server that takes no writes. Nothing was written.

    It is also an InternalError and an OperationalError, because Django raises one or the other,
    depending on the vendor, when the server itself refuses a write.
    """

    def __init__(self, alias: str) -> None:
        """``alias`` is the alias of the primary."""
        super().__init__(
            f"{alias!r} leads to a server that takes no writes. It may be a standby after a "
            f"failover. Nothing was written. Point {alias!r} in DATABASES, or the name, pooler or "
            "proxy that it goes through, to the primary."
        )


class StaleSaveWarning(UserWarning):
    """A row that was read from a replica is saved whole. Given while DEBUG is on."""

    def __init__(self, label: str, alias: str) -> None:
        """``label`` is the model's label, ``alias`` the replica's."""
        super().__init__(
            f"A {label} that was read from the replica {alias!r} is saved with all its fields. "
            "What others have changed meanwhile is overwritten with old values, and a row that was "
            "deleted is inserted again. Save what you have changed alone, by "
            "save(update_fields=[...]) or by update() with F(). Or read the row from the primary: "
            "with select_for_update() in a transaction, or inside use_primary()."
        )


class DifferentSessionError(PinningError, OperationalError):
    """A replica's session would show another tenant's rows. The statement was not run.

    It is raised where the primary may not answer instead: for ``using("replica1")``, for example.
    """

    def __init__(self, alias: str, primary: str) -> None:
        """The aliases of the replica and of its primary."""
        super().__init__(
            f"The session of {alias!r} has another tenant than the one of {primary!r}, and cannot "
            "be given that now. Read outside the transaction that is open there."
        )


def one_line(error: BaseException) -> str:
    """The error's text on one line, for the log: drivers break theirs into several."""
    return " ".join(str(error).split())


def kind_and_text(error: BaseException) -> str:
    """The class of a store's error and its text, which the ``repr`` of some clients leaves out.

    A ValueError may be about the URL of a cache, and show a part of its password: what comes before
    a slash is taken for a port. So its text is left out.
    """
    text = "is its LOCATION a URL?" if isinstance(error, ValueError) else one_line(error)
    return f"{type(error).__name__}: {text}"
