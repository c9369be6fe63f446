"""Which suites are run, and which of their tests may end in another way with pinning, and why."""

SUITES = (
    "multiple_database",
    "generic_relations",
    "contenttypes_tests",
    "prefetch_related",
    "defer",
    "update",
    "get_or_create",
    "many_to_many",
    "model_inheritance",
    "foreign_object",
    "select_related",
    "raw_query",
    "basic",
    "delete",
    "queries",
    "admin_changelist",
)

_USING = "It writes with using() to every alias of DATABASES, and a replica refuses that."
_FEATURES = "It changes what the primary's connection can do, and reads on the replica's."

#: By the test's id: what it does that has another end with pinning.
JUDGED = {
    "multiple_database.tests.PickleQuerySetTestCase.test_pickling": _USING,
    "queries.test_iterator.QuerySetIteratorTests.test_no_chunked_reads": _FEATURES,
    "many_to_many.tests.ManyToManyQueryTests.test_count_join_optimization_disabled": _FEATURES,
    "many_to_many.tests.ManyToManyQueryTests.test_exists_join_optimization_disabled": _FEATURES,
}
