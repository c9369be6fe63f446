"""The options by which a suite is looked at, the same for pytest and for Django's runner."""

from collections.abc import Callable
from typing import Any


def add_options(add: Callable[..., Any]) -> None:
    """Add them by ``add``, which takes what argparse takes."""
    add(
        "--pinning-detect",
        dest="pinning_detect",
        action="store_const",
        const="error",
        help="Fail where code reads what production may answer with old rows.",
    )
    add(
        "--pinning-detect-as",
        dest="pinning_detect",
        choices=("error", "warning", "report"),
        help="The same as an error, as a warning, or only in the summary at the end.",
    )
