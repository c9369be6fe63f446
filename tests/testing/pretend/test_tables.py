"""The tables that a statement names."""

import pytest

from pinning.testing.pretend.tables import tables_in

NAMED = [
    ('SELECT "a"."x" FROM "a" WHERE "a"."from" = %s', {"a"}),
    ('SELECT * FROM "a" INNER JOIN "b" ON (1) LEFT OUTER JOIN "c" T3 ON (2)', {"a", "b", "c"}),
    ('SELECT EXISTS(SELECT 1 AS "a" FROM "b" U0 WHERE U0."x" IN (SELECT y FROM c))', {"b", "c"}),
    ("select x from a, b as y, C z where x in (1, 2)", {"a", "b", "c"}),
    ("SELECT x FROM (SELECT y FROM a) AS b JOIN c USING (y)", {"a", "c"}),
    ('SELECT * FROM "public"."A" JOIN only public . b ON true', {"a", "b"}),
    ("SELECT `x` FROM `a` STRAIGHT_JOIN `b`", {"a"}),
    ("WITH RECURSIVE w AS (SELECT 1 FROM a) SELECT * FROM w", {"a", "w"}),
    ("INSERT OR IGNORE INTO a SELECT * FROM b", {"a", "b"}),
    ("UPDATE a SET x = 1 FROM b", {"a", "b"}),
    ("TRUNCATE a", {"a"}),
    ("SELECT 1", set()),
]


@pytest.mark.parametrize(("sql", "tables"), NAMED)
def test_names_where_tables_stand(sql, tables):
    assert tables_in(sql) == tables
