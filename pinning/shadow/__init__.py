"""Shadow mode: the primary answers all reads, and what replicas would have served is counted.

``reads`` decides as ever, and gives Django the primary's alias in the replica's place. Nobody waits
for a replica: ``races`` finds out aside whether a wait would have been long enough.
"""

from pinning.shadow.counts import NO_REQUEST, NO_VIEW, Counts
from pinning.shadow.forecast import Forecast, Table, View
from pinning.shadow.limits import WAITS, limits_of
from pinning.shadow.process import begin, race, sample, save
from pinning.shadow.shared import Totals, clear, load
