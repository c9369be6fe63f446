"""Reads the settings: PINNING, its clusters, and which models live in them."""

from pinning.conf.aliases import (
    ClusterAlias,
    RoutedAlias,
    cluster_alias,
    followed,
    routed_alias,
    shadow_alias,
    source_of,
)
from pinning.conf.clusters import DEFAULT, AnyAlias, Cluster, Clusters, clusters, configured
from pinning.conf.models import Home, Homes, Sharding, load_home, owner_of
from pinning.conf.once import forget, made_once
from pinning.conf.primary import CACHE_LABEL, PrimaryModels, outlives_lag
from pinning.conf.rules import PRIMARY, REPLICA, SHADOW, find_problems
from pinning.conf.settings import Cookie, Settings, Switch, settings
