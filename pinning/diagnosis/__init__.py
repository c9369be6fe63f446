"""Looks at the servers once, and says what is wrong: for ``pinning_status`` and the checks."""

from pinning.diagnosis.finding import Finding
from pinning.diagnosis.findings import UNREACHABLE, findings_of
from pinning.diagnosis.look import look
from pinning.diagnosis.report import Report, table
from pinning.diagnosis.seen import Seen
