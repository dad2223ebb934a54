-- The facts: the only tables that the ledger file holds. Instants are epoch seconds in UTC, sizes bytes; ids of
-- packages, versions and blobs are given in the order of workspaces, so that a workspace is a range of row groups.
-- A table that is younger than a ledger comes into it with the next transaction.

-- One row: which layout of tables this file has.
CREATE TABLE IF NOT EXISTS about (schema_version INTEGER NOT NULL);

-- One row per source of snapshots; a retired one brings no more.
CREATE TABLE IF NOT EXISTS sources (
    source_id INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL UNIQUE,
    retired_at BIGINT,
    retirement_recorded_at BIGINT
);

-- One row per snapshot of a source. What nothing reaches is stored, yet belongs to no version.
CREATE TABLE IF NOT EXISTS snapshots (
    source_id INTEGER NOT NULL,
    taken_at BIGINT NOT NULL,
    content_digest VARCHAR NOT NULL,
    reference_count BIGINT NOT NULL,
    unreachable_blobs BIGINT NOT NULL,
    unreachable_bytes BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (source_id, taken_at)
);

-- One row per workspace that a snapshot or an event names.
CREATE TABLE IF NOT EXISTS workspaces (workspace_id INTEGER NOT NULL, name VARCHAR NOT NULL);

-- One row per package of a workspace.
CREATE TABLE IF NOT EXISTS packages (
    package_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    format VARCHAR NOT NULL,
    name VARCHAR NOT NULL
);

-- One row per version of a package; the empty name is what belongs to the package, not to one version.
CREATE TABLE IF NOT EXISTS versions (version_id INTEGER NOT NULL, package_id INTEGER NOT NULL, name VARCHAR NOT NULL);

-- One row per blob of a workspace.
CREATE TABLE IF NOT EXISTS blobs (
    blob_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL
);

-- One row per unbroken presence of a reference in a source; no end: there at the source's latest snapshot.
CREATE TABLE IF NOT EXISTS reference_intervals (
    source_id INTEGER NOT NULL,
    version_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT
);

-- One row per unbroken presence of a blob in a package, whichever version held it: the union of its references. The
-- blob's size, and whether more than one package has ever held it, stand here too, so that a month reads one table.
CREATE TABLE IF NOT EXISTS holdings (
    source_id INTEGER NOT NULL,
    package_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    shared BOOLEAN NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT
);

-- One row per lifecycle event. The slug is the repository's own, or the one that a package was linked to.
CREATE TABLE IF NOT EXISTS events (
    event_source VARCHAR NOT NULL,
    event_id VARCHAR NOT NULL,
    occurred_at BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    verb VARCHAR NOT NULL,
    workspace_id INTEGER NOT NULL,
    package_id INTEGER,
    slug VARCHAR,
    plan VARCHAR,
    recorded_at BIGINT NOT NULL
);

-- One row per collection of a source whose answers are compared with its events: when the database was asked.
CREATE TABLE IF NOT EXISTS observations (
    event_source VARCHAR NOT NULL,
    observed_at BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (event_source, observed_at)
);

-- One row per rate card, as it was loaded; the latest is in force.
CREATE TABLE IF NOT EXISTS rate_cards (card_id INTEGER PRIMARY KEY, toml VARCHAR NOT NULL, recorded_at BIGINT NOT NULL);

-- One row per manifest that was ever read: the blobs that it names, and the manifests that an index lists.
CREATE TABLE IF NOT EXISTS manifests (digest VARCHAR NOT NULL, blobs VARCHAR[] NOT NULL, children VARCHAR[] NOT NULL);
