"""The same programs on one database and on a cluster whose replicas lag: they tell the same."""
