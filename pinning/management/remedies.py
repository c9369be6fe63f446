"""What to do about a read that the primary served, and which page tells more: for each reason."""

from collections.abc import Mapping
from types import MappingProxyType

from pinning.scopes import Reason

#: A sentence or two, and the page.
REMEDIES: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.USE_PRIMARY: (
            "Take use_primary out where old rows do no harm.",
            "docs/overrides.md#use_primary",
        ),
        Reason.PRIMARY_MODEL: (
            "Take the model out of PRIMARY_MODELS if others may see it late. Let it stay if it is "
            "in UNPINNED_MODELS too: then nothing else shows it to its writer.",
            "docs/settings.md#primary_models",
        ),
        Reason.NO_SCOPE: (
            "Put PinningMiddleware first in MIDDLEWARE; in a command or a thread, use scope().",
            "docs/overrides.md#scope-and-in_scope",
        ),
        Reason.TRANSACTION: (
            "Read before the transaction, or in use_replica() where old rows do no harm.",
            "docs/overrides.md#use_replica",
        ),
        Reason.WRITTEN: (
            "Write after the reads. If the page only shows something, write so that nobody is "
            "pinned.",
            "docs/recipes.md#what-writes-all-the-time",
        ),
        Reason.LOCKED: (
            "Lock after the reads, or unlock before them.",
            "docs/how-it-works.md#what-locks",
        ),
        Reason.UNSAFE_METHOD: (
            "This is right for what writes. If the request only reads, put @read_only on its view.",
            "docs/overrides.md#read_only",
        ),
        Reason.FOLLOWS_PRIMARY: (
            "This is often right. Otherwise ask for the row by its key.",
            "docs/settings.md#primary_models",
        ),
        Reason.EVENT_LOOP: (
            "Read something else first, or read in sync_to_async().",
            "docs/operations.md#symptoms",
        ),
        Reason.SWITCHED_OFF: (
            "Take USE_REPLICAS out of PINNING, or let its function return True.",
            "docs/settings.md#use_replicas",
        ),
        Reason.STORES_DOWN: (
            "Run manage.py pinning_status, and see whether the store and IDENTITY work.",
            "docs/stores.md#when-one-is-down",
        ),
        Reason.NO_PINS: (
            "Let the pins come along with the task, or say @use_replica.",
            "docs/settings.md#tasks",
        ),
        Reason.PINNED: (
            "This is right, and ends when a replica has the write. WAIT lets a read wait for that. "
            "If it lasts for seconds, run manage.py pinning_status.",
            "docs/settings.md#wait",
        ),
        Reason.NO_REPLICA: (
            "Run manage.py pinning_status, and read the log.",
            "docs/operations.md#log-lines",
        ),
    }
)

#: The same for a page that pins whoever asks for it.
OF_A_WRITE = (
    "If the page only shows something, write so that nobody is pinned.",
    "docs/recipes.md#what-writes-all-the-time",
)
