"""Of a dry run: the worker's store of snapshots, and the memory that it may take."""

from libs.snapshots.settings import Positive, SnapshotSettings


class DryRunSettings(SnapshotSettings, frozen=True, kw_only=True):
    """Read from the environment of query_api, which must name the store as the workers have it."""

    dry_run_memory_mb: Positive = 4_096
    """Of address space: what took all memory of a worker ends the dry run alone."""
