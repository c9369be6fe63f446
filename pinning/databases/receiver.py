"""Lets an ordinary role of PostgreSQL see which timeline a standby receives, and nothing else.

``pg_read_all_stats`` would show it the text of everybody's queries, in other databases too. A
function that runs with its owner's rights shows two numbers. It lies in a schema of its own, where
nobody but the owner can put another function of its name.
"""

from collections.abc import Sequence

#: What only a role with pg_read_all_stats may read, and what others read instead.
VIEW = "pg_catalog.pg_stat_wal_receiver"
RECEIVER = "pinning.wal_receiver()"

# The owner's right makes the function see. The search_path is fixed, and its names are qualified:
# a SECURITY DEFINER function would otherwise call what its caller has planted. The schema may have
# been there before; if its owner is nobody to trust, they could put another function in its place.
_INSTALL = """\
CREATE SCHEMA IF NOT EXISTS pinning;
CREATE OR REPLACE FUNCTION pinning.wal_receiver()
  RETURNS TABLE (received_tli pg_catalog.int4, pid pg_catalog.int4)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
  AS $$ SELECT received_tli, pid FROM pg_catalog.pg_stat_wal_receiver $$;
ALTER FUNCTION pinning.wal_receiver() OWNER TO CURRENT_USER;
REVOKE ALL ON FUNCTION pinning.wal_receiver() FROM PUBLIC;
DO $$ BEGIN
  IF NOT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') THEN
    RAISE EXCEPTION 'The role % has no pg_read_all_stats, so its function would see nothing.',
      current_user USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (SELECT NOT pg_catalog.pg_has_role(nspowner, 'pg_read_all_stats', 'USAGE')
      FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'pinning') THEN
    RAISE EXCEPTION 'The schema "pinning" belongs to a role without pg_read_all_stats.'
      USING HINT = 'Look at what it holds. Drop it, or make it yours: ALTER SCHEMA ... OWNER TO.';
  END IF;
END $$;
"""

_GRANT = """\
GRANT USAGE ON SCHEMA pinning TO {role};
GRANT EXECUTE ON FUNCTION pinning.wal_receiver() TO {role};
"""


def installation(roles: Sequence[str]) -> str:
    """The statements that make the function and let ``roles`` call it. They may run again."""
    return _INSTALL + "".join(_GRANT.format(role=quoted(role)) for role in roles)


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'
