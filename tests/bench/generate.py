"""Synthetic registries: daily snapshots with heavy-tailed packages, layers shared within and across packages.

20,000 packages in 2,000 workspaces. A version has 20 blobs: a manifest, a config and three layers of its own, and
15 layers of a base that ten versions share, the last of them from a few images that the whole workspace builds on.
A part of the versions is a copy of another package's, as when an image is promoted: that sets how many blobs stand
in several packages. Each day 2 % of the versions are replaced.
"""

from pathlib import Path

import duckdb

PACKAGES = 20_000
WORKSPACES = 2_000
BLOBS_PER_VERSION = 20
FIRST_DAY = 1_790_812_800  # 2026-10-01T00:00:00Z
DAY = 86_400


class Registry:
    """A registry of so many references; `copied` of 1,000 versions are copies of another package's, and the layers
    from `common_layer` on are the workspace's."""

    def __init__(self, references: int, copied: int, common_layer: int) -> None:
        self._day = 0
        self._common_layer = common_layer
        self._connection = duckdb.connect(config={"threads": 2})
        # Squaring spreads versions over packages with a heavy tail.
        self._connection.execute(
            f"""
            CREATE TABLE version AS
            WITH slot AS (
                SELECT i, floor({PACKAGES} * pow((i + 0.5) / {references // BLOBS_PER_VERSION}, 2))::INTEGER AS package
                FROM range({references // BLOBS_PER_VERSION}) AS t(i)
            )
            SELECT package, (row_number() OVER (PARTITION BY package ORDER BY i))::INTEGER AS number, 0 AS generation,
                   package % {WORKSPACES} AS workspace,
                   CASE WHEN package >= {WORKSPACES} AND hash(i) % 1000 < {copied}
                        THEN package - {WORKSPACES} ELSE package END AS original
            FROM slot
            """
        )

    def next_day(self) -> int:
        """Replace 2 % of the versions; gives the new day's instant."""
        self._day += 1
        self._connection.execute(
            "UPDATE version SET generation = generation + 1 WHERE hash(original, number, ?) % 50 = 0", [self._day]
        )
        return self.instant

    @property
    def instant(self) -> int:
        return FIRST_DAY + self._day * DAY

    def write(self, file: Path) -> None:
        """The registry's references of today, as a snapshot in Parquet."""
        self._connection.execute(
            f"""
            COPY (
                WITH reference AS (
                    SELECT *,
                           CASE WHEN layer < 5 THEN [1, original, number, generation, layer]
                                WHEN layer < {self._common_layer} THEN [2, package, number // 10, layer]
                                ELSE [3, workspace, hash(package) % 6, layer] END AS blob
                    FROM version, (SELECT unnest(range({BLOBS_PER_VERSION}))::INTEGER AS layer)
                )
                SELECT 'workspace-' || workspace AS workspace, 'container' AS format,
                       'team/image-' || package AS package, '1.' || number || '.' || generation AS version,
                       'sha256:' || sha256(blob::VARCHAR) AS digest,
                       (CASE WHEN layer < 2 THEN 1000 + hash(blob) % 9000
                             ELSE floor(exp(9 + hash(blob) % 1000 / 100.0)) END)::BIGINT AS size,
                       to_timestamp({self.instant} - 3600 - hash(package, number, generation) % 3600)::TIMESTAMPTZ
                           AS uploaded_at
                FROM reference
                ORDER BY reference.workspace, package, number, layer
            ) TO '{file}' (FORMAT parquet)
            """
        )

    def close(self) -> None:
        self._connection.close()
