"""Functions by name: those that are known to leave nothing behind, and those that write.

A function that stands in neither list may leave a mark on its session: a setting, a lock, a seed, a
temporary object. Functions that only tell what a session did before (``lastval``, ``found_rows``)
stand in neither, because another session answers something else.
"""

import re

#: Keywords that a parenthesis may follow. Few servers let a function have such a name.
_KEYWORDS_WORDS = """
    all analyze and any array as between by case check collate conflict cross cube distinct div do
    else end except exists explain filter from group grouping having ilike in inner intersect
    interval into is join lateral left like limit match materialized natural not null of offset on
    only operator or order over overlaps partition regexp returning right rlike rollup row rows
    select set sets similar some symmetric table then to using value values variadic verbose when
    where window with within xor zone
    """
KEYWORDS = frozenset(_KEYWORDS_WORDS.split())

#: Types that take a length.
_TYPES = """
    bit varbit char character varying varchar text decimal dec numeric float real int integer
    smallint bigint time timetz timestamp timestamptz date nchar bpchar vector halfvec geometry
    geography json jsonb boolean bool uuid bytea xml
    """

# Those of MariaDB, MySQL and SQLite alone.
_MYSQLS_TYPES = """
    binary blob datetime double mediumint number nvarchar signed tinyint unsigned varbinary year
    """

_STANDARD = """
    abs acos acosh any_value array_agg asin asinh atan atan2 atanh avg bit_and bit_length bit_or
    bit_xor bool_and bool_or cast ceil ceiling char_length character_length coalesce concat
    concat_ws corr cos cosh cot count covar_pop covar_samp cume_dist current_date current_time
    current_timestamp current_user degrees dense_rank every exp extract first_value floor greatest
    initcap json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar
    json_serialize json_table json_value lag last_value lead least length ln localtime
    localtimestamp log log10 lower lpad ltrim max min mod nth_value ntile nullif octet_length
    overlay percent_rank percentile_cont percentile_disc pi position power pow radians rank
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    replace reverse round row_number rpad rtrim sign sin sinh sqrt stddev stddev_pop stddev_samp
    string_agg substr substring sum tan tanh trim trunc unnest upper user var_pop var_samp variance
    width_bucket xmlagg xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlparse xmlpi
    xmlroot xmlserialize xmltable
    """

_POSTGRESQL = """
    age area array_append array_cat array_dims array_fill array_length array_lower array_ndims
    array_position array_positions array_prepend array_remove array_replace array_reverse
    array_sample array_shuffle array_sort array_to_json array_to_string array_upper ascii box
    broadcast btrim cardinality casefold cbrt center chr circle clock_timestamp col_description
    convert convert_from convert_to crc32 crc32c current_catalog current_database current_query
    current_role current_schema current_schemas current_setting date_add date_bin date_part
    date_subtract date_trunc daterange datemultirange decode diagonal diameter div encode enum_first
    enum_last enum_range erf erfc factorial family format format_type gamma gcd gen_random_uuid
    generate_series generate_subscripts get_bit get_byte has_any_column_privilege
    has_column_privilege has_database_privilege has_function_privilege has_schema_privilege
    has_sequence_privilege has_table_privilege has_type_privilege height host hostmask
    inet_client_addr inet_client_port inet_merge inet_same_family inet_server_addr inet_server_port
    int4range int4multirange int8range int8multirange isclosed isempty isfinite isopen json_agg
    json_agg_strict json_array_elements json_array_elements_text json_array_length json_build_array
    json_build_object json_each json_each_text json_extract_path json_extract_path_text
    json_object_agg json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
    json_object_keys json_populate_record json_populate_recordset json_strip_nulls json_to_record
    json_to_recordset json_typeof jsonb_agg jsonb_agg_strict jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat
    jsonb_delete jsonb_each jsonb_each_text jsonb_extract_path jsonb_extract_path_text jsonb_insert
    jsonb_object jsonb_object_agg jsonb_object_agg_strict jsonb_object_agg_unique
    jsonb_object_agg_unique_strict jsonb_object_keys jsonb_path_exists jsonb_path_exists_tz
    jsonb_path_match jsonb_path_match_tz jsonb_path_query jsonb_path_query_array
    jsonb_path_query_array_tz jsonb_path_query_first jsonb_path_query_first_tz jsonb_path_query_tz
    jsonb_populate_record jsonb_populate_recordset jsonb_pretty jsonb_set jsonb_set_lax
    jsonb_strip_nulls jsonb_to_record jsonb_to_recordset jsonb_typeof justify_days justify_hours
    justify_interval lcm left lgamma line lower_inc lower_inf lseg macaddr8_set7bit make_date
    make_interval make_time make_timestamp make_timestamptz makeaclitem masklen md5 min_scale mode
    multirange netmask network normalize now npoints num_nonnulls num_nulls numeric_inc numnode
    numrange nummultirange obj_description parse_ident path pclose pg_backend_pid pg_client_encoding
    pg_collation_for pg_column_compression pg_column_size pg_conf_load_time pg_current_snapshot
    pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_database_size
    pg_encoding_to_char pg_function_is_visible pg_get_constraintdef pg_get_expr
    pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
    pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_partkeydef pg_get_ruledef
    pg_get_serial_sequence pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role
    pg_index_column_has_property pg_index_has_property pg_indexes_size pg_input_error_info
    pg_input_is_valid pg_is_in_recovery pg_is_wal_replay_paused pg_last_wal_receive_lsn
    pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_options_to_table
    pg_postmaster_start_time pg_relation_filenode pg_relation_size pg_size_bytes pg_size_pretty
    pg_sleep pg_sleep_for pg_sleep_until pg_table_is_visible pg_table_size pg_tablespace_size
    pg_timezone_abbrevs pg_timezone_names pg_total_relation_size pg_type_is_visible pg_typeof
    pg_wal_lsn_diff phraseto_tsquery plainto_tsquery point polygon popen querytree quote_ident
    quote_literal quote_nullable radius random random_normal range_agg range_intersect_agg
    range_merge regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace
    regexp_split_to_array regexp_split_to_table regexp_substr repeat right row_to_json scale
    session_user set_bit set_byte set_masklen setweight sha224 sha256 sha384 sha512
    shobj_description similarity slope split_part starts_with statement_timestamp
    strict_word_similarity string_to_array string_to_table strip strpos timeofday timezone to_ascii
    to_bin to_char to_date to_hex to_json to_jsonb to_number to_oct to_regclass to_regtype
    to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale
    ts_delete ts_filter ts_headline ts_lexize ts_rank ts_rank_cd tsquery_phrase tsrange tsmultirange
    tstzrange tstzmultirange tsvector_to_array txid_current_snapshot unaccent unicode_assigned
    unistr upper_inc upper_inf uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7 version
    websearch_to_tsquery width word_similarity xml_is_well_formed xmlcomment xpath xpath_exists
    array_to_tsvector hstore hstore_to_array hstore_to_json hstore_to_jsonb hstore_to_matrix
    hstore_to_json_loose show_trgm gen_random_bytes akeys avals digest gen_salt uuid_generate_v1
    uuid_generate_v1mc uuid_generate_v3 uuid_generate_v4 uuid_generate_v5 cosine_distance
    inner_product l1_distance l2_distance overlaps like
    """

_MYSQL = """
    time_to_sec time_format adddate addtime aes_decrypt aes_encrypt against bin bin_to_uuid
    bit_count charset coercibility compress connection_id conv convert_tz crc32 curdate curtime
    database date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear
    decode_histogram elt export_set extractvalue field find_in_set format_bytes format_pico_time
    from_base64 from_days from_unixtime get_format group_concat hex hour if ifnull inet6_aton
    inet6_ntoa inet_aton inet_ntoa insert instr is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
    is_uuid json_array_append json_array_insert json_compact json_contains json_contains_path
    json_depth json_detailed json_equals json_extract json_insert json_keys json_length json_loose
    json_merge json_merge_patch json_merge_preserve json_normalize json_overlaps json_pretty
    json_quote json_remove json_replace json_schema_valid json_search json_set json_storage_size
    json_type json_unquote json_valid last_day lcase locate make_set makedate maketime microsecond
    mid minute month monthname name_const natural_sort_key oct ord period_add period_diff quarter
    quote rand random_bytes sec_to_time second sha sha1 sha2 sleep std str_to_date strcmp subdate
    subtime sys_guid sysdate system_user timediff timestampadd timestampdiff to_base64 to_days
    to_seconds ucase uncompress uncompressed_length unhex unix_timestamp updatexml utc_date utc_time
    utc_timestamp uuid uuid_to_bin uuid_v4 uuid_v7 validate_password_strength week weekday
    weekofyear weight_string yearweek listagg log2 median space truncate soundex
    """

_SQLITE = """
    bitxor julianday strftime unixepoch total typeof unicode printf iif glob likelihood likely
    unlikely zeroblob randomblob sqlite_version sqlite_source_id sqlite_compileoption_used
    sqlite_compileoption_get group_concat json_each json_tree json_group_array json_group_object
    json_patch json_error_position jsonb_array jsonb_group_array jsonb_group_object jsonb_patch
    jsonb_remove jsonb_replace jsonb_extract bm25 highlight snippet timediff octet_length
    pragma_table_info pragma_index_list pragma_index_info pragma_foreign_key_list
    django_date_extract django_date_trunc django_datetime_cast_date django_datetime_cast_time
    django_datetime_extract django_datetime_trunc django_time_diff django_time_extract
    django_time_trunc django_timestamp_diff django_format_dtdelta
    """

# Of PostGIS, MariaDB and MySQL, with st_ in front.
_ST = """
    3ddistance 3dlength 3dperimeter 3dextent addpoint affine area asbinary asewkb asewkt asgeojson
    asgml ashexewkb askml assvg astext asx3d aswkb aswkt azimuth boundary boundingdiagonal buffer
    centroid closestpoint collect contains containsproperly convexhull coordinatedimension
    coveredby covers crosses curvetoline dfullywithin difference dimension disjoint distance
    distance_sphere distance_spheroid distancesphere distancespheroid dumppoints dwithin endpoint
    envelope equals estimatedextent expand extent exteriorring force2d force3d force4d force_2d
    forcepolygonccw forcepolygoncw forcerhr fromgeojson geogfromtext geogfromwkb geohash
    geomcollfromtext geomcollfromwkb geometryfromtext geometryfromwkb geometryn geometrytype
    geomfromewkb geomfromewkt geomfromgeohash geomfromgeojson geomfromgml geomfromkml geomfromtext
    geomfromwkb hausdorffdistance interiorringn intersection intersects isclosed isempty isring
    issimple isvalid isvaliddetail isvalidreason latfromgeohash length length2d length_spheroid
    lengthspheroid line_interpolate_point line_locate_point linefromtext linefromwkb
    lineinterpolatepoint linelocatepoint linemerge linestringfromtext longfromgeohash m
    makeenvelope makeline makepoint makepolygon makevalid maxdistance mem_size memsize memunion
    minimumclearance mpointfromtext mlinefromtext mpolyfromtext ndims node npoints numgeometries
    numinteriorring numinteriorrings numpoints orderingequals orientedenvelope overlaps perimeter
    pointfromgeohash pointfromtext pointfromwkb pointn pointonsurface polyfromtext polyfromwkb
    polygonfromtext polygonize project ptdistwithin quantizecoordinates reducetoosrid relate
    removepoint reverse rotate scale segmentize setsrid shiftcoords shift_longitude shiftlongitude
    simplify simplifypreservetopology snap snaptogrid srid startpoint summary swapordinates
    symdifference symmetricdifference touches transform translate transscale union unaryunion
    validate voronoipolygons within x xmax xmin y ymax ymin z zmax zmin zmflag
    """
# The rest of theirs, and SpatiaLite's.
_GEOGRAPHY = """
    azimuth asgeojson asgml askml assvg aswkb aswkt centroid closestpoint contains coveredby
    covers crosses disjoint distance envelope equals geohash geosminimumboundingcircle
    intersection intersects isvalid linelocatepoint makevalid mbroverlaps memsize numgeometries
    numpoints perimeter ptdistwithin relate scalecoords snaptogrid st_forcelhr
    st_minimumboundingcircle st_polygon st_minimumboundingradius symdifference touches transform
    box2d box3d flipcoordinates geometry geomfromewkb geodesiclength greatcirclelength gunion
    mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps
    mbrtouches mbrwithin postgis_full_version postgis_geos_version postgis_lib_version
    postgis_proj_version postgis_version spatialite_version geos_version proj_version
    proj4_version linestring multipoint multilinestring multipolygon geometrycollection asewkt
    ewkt pointonsurface relatematch rtreealign bbox bboverlaps spheroid geography_distance_knn
    """

_ALL = (_TYPES, _MYSQLS_TYPES, _STANDARD, _POSTGRESQL, _MYSQL, _SQLITE, _GEOGRAPHY)

_SPATIAL = frozenset(f"st_{name}" for name in _ST.split())

#: Those of all servers.
HARMLESS = frozenset(" ".join(_ALL).split()) | _SPATIAL

# What PostgreSQL alone has of the standard, and what MariaDB and MySQL have of the other lists.
_NOT_MYSQLS = """
    acosh array_agg asinh atanh bool_and bool_or corr cosh covar_pop covar_samp every initcap
    json_exists json_query json_scalar json_serialize overlay percentile_cont percentile_disc
    regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy
    sinh string_agg tanh trunc unnest width_bucket xmlagg xmlattributes xmlconcat xmlelement
    xmlexists xmlforest xmlparse xmlpi xmlroot xmlserialize xmltable
    """
_MYSQLS_TOO = """
    ascii chr convert crc32 crc32c date_add decode encode format geometrycollection left
    linestring mbrcontains mbrcoveredby mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects
    mbroverlaps mbrtouches mbrwithin md5 multilinestring multipoint multipolygon now point polygon
    regexp_instr regexp_like regexp_replace regexp_substr repeat right session_user to_char version
    """
# Types without a length, which are no functions.
_NOT_POSTGRESQLS = "json jsonb uuid bytea"
_POSTGIS = """
    box2d box3d geography_distance_knn geometry postgis_full_version postgis_geos_version
    postgis_lib_version postgis_proj_version postgis_version
    """

_ON_POSTGRESQL = frozenset(" ".join((_TYPES, _STANDARD, _POSTGRESQL, _POSTGIS)).split())
_ON_MYSQL = frozenset(" ".join((_TYPES, _MYSQLS_TYPES, _STANDARD, _MYSQL, _MYSQLS_TOO)).split())

#: By vendor: those that its servers have. All other names may be those of a project's functions.
#: SQLite has no functions that are stored, so all names are harmless there.
HARMLESS_ON = {
    "postgresql": (_ON_POSTGRESQL - frozenset(_NOT_POSTGRESQLS.split())) | _SPATIAL,
    "mysql": (_ON_MYSQL - frozenset(_NOT_MYSQLS.split())) | _SPATIAL,
}

# Keywords that may be the name of a function there. MySQL has some that MariaDB has not.
_FREE_IN_POSTGRESQL = """
    by conflict cross cube div explain filter ilike inner is join left like match materialized
    natural of operator over overlaps partition regexp right rlike rollup rows set sets similar
    value verbose within xor zone
    """
_FREE_IN_MYSQL = """
    array conflict cube explain filter grouping ilike lateral materialized offset only operator
    overlaps rollup sets similar symmetric variadic verbose within zone
    """

#: By vendor: keywords that are the name of no function unless they are quoted.
RESERVED_ON = {
    "postgresql": KEYWORDS - frozenset(_FREE_IN_POSTGRESQL.split()),
    "mysql": KEYWORDS - frozenset(_FREE_IN_MYSQL.split()),
}

#: Functions that write, or that run a text which may.
WRITING = re.compile(
    r"""nextval | setval | lo_(?:creat|from|import|open|put|truncate|unlink)\w* | lowrite
      | dblink\w* | (?:query|cursor)_to_xml\w* | ts_stat | ts_rewrite | crosstab\w* | connectby
      | pg_(?:create|drop|copy|promote|logical|replication|switch|import|set_|clear|restore|file)\w*
      | pg_(?:stat_reset|truncate|nextoid|extension_config|advance|sync|upgrade|wal_replay)\w*
      | binary_upgrade\w* | brin_\w+ | gin_clean_pending_list | load_extension | writefile""",
    re.VERBOSE,
)

#: Functions that lock by a name, and those that unlock.
LOCKING = re.compile(
    r"pg_(?:try_)?advisory_(?:xact_)?(?:un)?lock\w*|get_lock|release_lock|release_all_locks"
)

#: Functions of one argument that PostgreSQL also calls by a dot: ``SELECT n.setseed FROM n``.
MARKING_BY_A_DOT = re.compile(
    r"setseed|pg_(?:try_)?advisory\w*|lo_close|dblink_\w+|currval|set_limit"
)
