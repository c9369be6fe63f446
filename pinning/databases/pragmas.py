"""What a PRAGMA of SQLite does."""

import enum
import re


class Pragma(enum.Enum):
    """What a PRAGMA may do."""

    ASKS = enum.auto()
    SETS = enum.auto()
    WRITES = enum.auto()


# Which tell of what their argument names.
_ASKING_WORDS = """
    table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list
    foreign_key_check integrity_check quick_check database_list collation_list function_list
    module_list pragma_list compile_options data_version freelist_count page_count stats
    """
_ASKING = frozenset(_ASKING_WORDS.split())

# Which set something for their connection alone.
_SETTING_WORDS = """
    analysis_limit automatic_index busy_timeout cache_size cache_spill case_sensitive_like
    cell_size_check checkpoint_fullfsync defer_foreign_keys foreign_keys fullfsync hard_heap_limit
    ignore_check_constraints legacy_alter_table locking_mode max_page_count mmap_size query_only
    read_uncommitted recursive_triggers reverse_unordered_selects secure_delete soft_heap_limit
    synchronous temp_store threads trusted_schema wal_autocheckpoint
    """
_SETTING = frozenset(_SETTING_WORDS.split())

# Which are kept in the file.
_STORED_WORDS = """
    application_id auto_vacuum default_cache_size encoding journal_mode journal_size_limit
    page_size schema_version user_version
    """
_STORED = frozenset(_STORED_WORDS.split())


_PRAGMA = re.compile(r"\s*pragma\s+(?:\w+\s*\.\s*)?(?P<name>\w+)\s*(?P<value>[=(]|;|\Z)", re.I)


def pragma_of(sql: str) -> Pragma:
    """What the PRAGMA does. One that is not known writes."""
    found = _PRAGMA.match(sql)
    name = found["name"].lower() if found else ""
    has_value = found is not None and found["value"] in ("=", "(")
    if name in _ASKING or (not has_value and name in _SETTING | _STORED):
        return Pragma.ASKS
    return Pragma.SETS if name in _SETTING else Pragma.WRITES
