"""Texts that are nasty for a pattern: beginnings of what never ends, repeated."""

from collections.abc import Iterator

FRONTS = ("", "SELECT ", "SELECT '\\' ", "INSERT INTO notes ", "EXPLAIN ", "SET x = ", "(")

PARTS = (
    # Quotes and backslashes
    *(
        "'",
        "''",
        '"',
        '""',
        "`",
        "``",
        "'a",
        "'a''b'",
        "\\",
        "'\\",
        "\\'",
        "'\\'",
        "\"'`",
        "N'",
        "x'",
    ),
    *(
        "E'",
        "E'a' ",
        "E'\\'' ",
        "e'a'\n'",
        "U&",
        'U&"',
        "$$",
        "$a",
        "$a$",
        "$é$",
        "$a$b",
        "$a$ $a$",
    ),
    # Comments and blanks
    *(
        "/*",
        "*/",
        "/* ",
        "/**/",
        "/* */",
        "*",
        "/",
        "**/",
        "//",
        "'/*",
        "/*'",
        "'--",
        "/*!",
        "/*M!*/",
    ),
    *("--", "-- ", "--\n", "-- \n", "-- \r", "--\r", "-- a\r\n", "-", "- ", "a-", "#", "# ", "#\n"),
    *(" ", "\n", "\r", "\t ", "\u00a0", "\x00", "\x0b"),
    # Parentheses, brackets, dots, digits, signs
    *(
        "(",
        ")",
        "()",
        ") ",
        ").",
        ") .",
        ").a",
        "a(",
        "a (",
        "a(a",
        '"a"(',
        '"a".',
        '"a"."a"',
        "as a(",
    ),
    *(
        "[",
        "]",
        "[]",
        "['",
        "['a']",
        "[a] ",
        "[[",
        "a.",
        ".",
        ". ",
        "..",
        "1",
        "1.",
        "1a",
        ".a",
        ". a",
    ),
    *(
        ";",
        "; ",
        ":",
        ":=",
        "::",
        "@",
        "%s",
        "%s,",
        "%s, ",
        "%(",
        "%(a",
        "%(a)s",
        "%(a)s ",
        "=",
        ",",
    ),
    # Words
    *("a", "a ", "é", "for ", "for update ", "next ", "next value ", "update ", "into ", "select "),
    *("set ", "explain ", "analyze ", "with a (", "lo_", "pragma ", "no key "),
    *("pg_settings ", "pg_settings update ", "set_config(", "create ", "set local ", "$a$ ;"),
)


def texts(size: int) -> Iterator[tuple[str, str]]:
    """Each text of about ``size`` characters, and how it is made."""
    for front in FRONTS:
        for part in PARTS:
            yield front + part * (size // len(part)), f"{front!r} + {part!r} ..."
