"""Why a read went where it went: one enum for code, docs, logs, metrics and the toolbar."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a read went where it went. ``reason.explanation`` says it in words."""

    explanation: str

    def __new__(cls, value: str, explanation: str) -> "Reason":
        """Make a member from its value and the words that explain it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    @property
    def told(self) -> str:
        """The words and the value: "the replica has what the user wrote (caught_up)"."""
        return f"{self.explanation} ({self})"

    USE_PRIMARY = "use_primary", "the code asked for the primary"
    USE_REPLICA = "use_replica", "the code asked for a replica"
    PRIMARY_MODEL = "primary_model", "the model is one that is read from the primary always"
    NO_SCOPE = "no_scope", "the read happened outside every request, task and scope() block"
    TRANSACTION = "transaction", "a transaction is open on the primary"
    WRITTEN = "written", "the same request or task had already written"
    LOCKED = "locked", "the same request or task had already locked something, or may have"
    UNSAFE_METHOD = "unsafe_method", "the request's method is one that usually writes"
    FOLLOWS_PRIMARY = "follows_primary", "it follows an object that was loaded from the primary"
    EVENT_LOOP = "event_loop", "code on an event loop must not wait while a replica is chosen"
    SWITCHED_OFF = "switched_off", "USE_REPLICAS is off here"
    STORES_DOWN = "stores_down", "no store could tell whether the user has written"
    NO_PINS = "no_pins", "the task brought no pins, and TASKS sends it to the primary"
    PINNED = "pinned", "the user has written, and no replica that was asked has it yet"
    NO_REPLICA = "no_replica", "no replica is healthy, or one has failed in this request or task"
    CAUGHT_UP = "caught_up", "the replica has what the user wrote"
    WINDOW_OVER = "window_over", "no position could tell, and the pin expired by the clock"
    REPLICA = "replica", "no rule sends this read to the primary"


#: The reasons of reads that a replica serves.
ON_REPLICA = frozenset({Reason.USE_REPLICA, Reason.CAUGHT_UP, Reason.WINDOW_OVER, Reason.REPLICA})
