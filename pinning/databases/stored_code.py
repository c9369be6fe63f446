"""Asks PostgreSQL whether the code that it keeps may change how a transaction commits."""

# All names are qualified: see postgresql.py.

#: The catalogs of expressions that statements run, and their columns.
_EXPRESSIONS = (
    ("pg_attrdef", "adbin"),
    ("pg_constraint", "conbin"),
    ("pg_policy", "polqual"),
    ("pg_policy", "polwithcheck"),
    ("pg_rewrite", "ev_qual"),
    ("pg_rewrite", "ev_action"),
    ("pg_trigger", "tgqual"),
    ("pg_type", "typdefaultbin"),
)
_OWN = "oid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid"  # PostgreSQL's own have lower numbers

_PART = f"""
SELECT oid, xmin, {{1}}::pg_catalog.text AS code FROM pg_catalog.{{0}}
WHERE {_OWN} AND {{1}} IS NOT NULL
"""  # noqa: S608
_PARTS = f"{' UNION ALL '.join(_PART.format(*each) for each in _EXPRESSIONS)}"

# What runs a text that it has put together may set anything. Of extensions that is not believed.
_FUNCTIONS = f"""
SELECT pg_catalog.count(f.oid)
FROM (SELECT oid, prolang,
             pg_catalog.concat(prosrc, pg_catalog.pg_get_function_sqlbody(oid)) AS code
      FROM pg_catalog.pg_proc WHERE {_OWN}) AS f
JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) f.prolang
WHERE code OPERATOR(pg_catalog.~*) 'synchronous_commit|set_config|pg_settings'
   OR (code OPERATOR(pg_catalog.~*) 'execute|_to_xml|ts_stat|ts_rewrite'
       OR lanname OPERATOR(pg_catalog.<>) ALL (ARRAY['internal', 'c', 'sql', 'plpgsql']))
      AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
          AND d.objid OPERATOR(pg_catalog.=) f.oid AND d.deptype OPERATOR(pg_catalog.=) 'e')
"""  # noqa: S608  constants alone

# Expressions are kept as the parser has left them, with the numbers of what they call and change.
_CALLS = f"""
SELECT pg_catalog.count(e.oid) FROM ({_PARTS}) AS e
WHERE code OPERATOR(pg_catalog.~) (
  SELECT pg_catalog.concat(':funcid (', pg_catalog.string_agg(oid::pg_catalog.text, '|'), ') |',
                           ':relid ',
                           'pg_catalog.pg_settings'::pg_catalog.regclass::pg_catalog.oid, ' ')
  FROM pg_catalog.pg_proc
  WHERE pronamespace OPERATOR(pg_catalog.=) 'pg_catalog'::pg_catalog.regnamespace
    AND proname OPERATOR(pg_catalog.~) '^(set_config|query_to_xml|ts_stat|ts_rewrite)')
"""  # noqa: S608

# May code that is kept in the database change how its transaction commits: a trigger's function
# or a column's default? To look into thousands of functions takes a tenth of a second. So the
# answer begins with what stands for the state of that code: each change of it gives its row another
# xmin. It is looked into only if that state is not among those that are KNOWN.
STORED_CODE = f"""
SELECT pg_catalog.concat(state, CASE
       WHEN pg_catalog.strpos('KNOWN', state) OPERATOR(pg_catalog.>) 0 THEN NULL
       ELSE ({_FUNCTIONS}) OPERATOR(pg_catalog.+) ({_CALLS}) END)
FROM (SELECT pg_catalog.concat(
        ';', (SELECT system_identifier FROM pg_catalog.pg_control_system()),
        '.', (SELECT oid FROM pg_catalog.pg_database
              WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database()),
        '.', pg_catalog.count(oid), '.',
        pg_catalog.sum(pg_catalog.hashtextextended(pg_catalog.concat(oid, ' ', xmin), 0)), ';'
      ) AS state
      FROM (SELECT oid, xmin FROM pg_catalog.pg_proc WHERE {_OWN}
            UNION ALL SELECT oid, xmin FROM ({_PARTS}) AS expressions) AS all_of_it) AS code
"""  # noqa: S608
