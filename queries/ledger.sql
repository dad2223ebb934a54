-- The facts: the only tables that the ledger file holds. Instants are epoch seconds in UTC, sizes bytes; ids of
-- packages, versions and blobs are given in the order of workspaces, so that a workspace is a range of row groups.

-- One row: which layout of tables this file has.
CREATE TABLE about (schema_version INTEGER NOT NULL);

-- One row per transaction that brought facts, in their order. What was known at a closing is what was recorded before.
CREATE TABLE records (record_id INTEGER PRIMARY KEY, recorded_at BIGINT NOT NULL);

-- One row per source of snapshots; a retired one brings no more. `served`: it shows what a registry's API serves, else
-- what is stored (RULES, section 2).
CREATE TABLE sources (
    source_id INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL UNIQUE,
    served BOOLEAN NOT NULL,
    retired_at BIGINT,
    retirement_record_id INTEGER
);

-- One row per snapshot of a source. What nothing reaches, and what fits nowhere in the source's layout (unknown), is
-- stored, yet belongs to no version; of all bytes listed that may be so much that it had to be accepted.
CREATE TABLE snapshots (
    source_id INTEGER NOT NULL,
    taken_at BIGINT NOT NULL,
    content_digest VARCHAR NOT NULL,
    reference_count BIGINT NOT NULL,
    unreachable_blobs BIGINT NOT NULL,
    unreachable_bytes BIGINT NOT NULL,
    unknown_objects BIGINT NOT NULL,
    unknown_bytes BIGINT NOT NULL,
    listed_bytes BIGINT NOT NULL,
    unbilled_accepted BOOLEAN NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (source_id, taken_at)
);

-- One row per workspace that a snapshot or an event names.
CREATE TABLE workspaces (workspace_id INTEGER NOT NULL, name VARCHAR NOT NULL);

-- One row per package of a workspace.
CREATE TABLE packages (
    package_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    format VARCHAR NOT NULL,
    name VARCHAR NOT NULL
);

-- One row per version of a package; the empty name is what belongs to the package, not to one version. When its content
-- was uploaded is what snapshots say of it, the latest of its references; no bill reads it.
CREATE TABLE versions (
    version_id INTEGER NOT NULL,
    package_id INTEGER NOT NULL,
    name VARCHAR NOT NULL,
    uploaded_at BIGINT
);

-- One row per blob of a workspace: a digest and a size (RULES, section 1). `resized`: the ledger knows the digest with
-- another size too. Where it is named by its place, its content tag is what the latest snapshot that has one says of its
-- content, such as an ETag; no bill reads it.
CREATE TABLE blobs (
    blob_id INTEGER NOT NULL,
    workspace_id INTEGER NOT NULL,
    digest VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL,
    resized BOOLEAN NOT NULL,
    content_tag VARCHAR
);

-- One row per unbroken presence of a reference in a source; no end: there at the source's latest snapshot. No bill reads
-- it: versions only explain one.
CREATE TABLE reference_intervals (
    source_id INTEGER NOT NULL,
    version_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_until BIGINT
);

-- One row per interval in which a source's successive snapshots show that a package holds a blob, whichever versions name
-- it (RULES, section 2); no end: it is in the source's latest snapshot. `first_seen_at` is the first snapshot that shows it.
-- The blob's size, and whether more than one package has ever held it, stand here too, so that a month reads one table;
-- and which transactions recorded the beginning and the end.
CREATE TABLE holdings (
    source_id INTEGER NOT NULL,
    package_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    size_bytes BIGINT NOT NULL,
    shared BOOLEAN NOT NULL,
    valid_from BIGINT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    valid_until BIGINT,
    opened_record_id INTEGER NOT NULL,
    closed_record_id INTEGER
);

-- One row per lifecycle event. The slug is the repository's own, or the one that a package was linked to.
CREATE TABLE events (
    event_source VARCHAR NOT NULL,
    event_id VARCHAR NOT NULL,
    occurred_at BIGINT NOT NULL,
    kind VARCHAR NOT NULL,
    verb VARCHAR NOT NULL,
    workspace_id INTEGER NOT NULL,
    package_id INTEGER,
    slug VARCHAR,
    plan VARCHAR,
    record_id INTEGER NOT NULL
);

-- One row per collection of a source whose answers are compared with its events: when the database was asked.
CREATE TABLE observations (
    event_source VARCHAR NOT NULL,
    observed_at BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    record_id INTEGER NOT NULL,
    PRIMARY KEY (event_source, observed_at)
);

-- One row per rate card, as it was loaded; the latest is in force. A retroactive one counts for closed months too.
CREATE TABLE rate_cards (
    card_id INTEGER PRIMARY KEY,
    toml VARCHAR NOT NULL,
    retroactive BOOLEAN NOT NULL,
    record_id INTEGER NOT NULL
);

-- One row per closed month: how far coverage reached, the card it was sealed with, if any, and the transaction that
-- sealed it.
CREATE TABLE closings (
    month VARCHAR PRIMARY KEY,
    covered_until BIGINT NOT NULL,
    card_id INTEGER,
    record_id INTEGER NOT NULL
);

-- One row per statement of a closed month, as `acct report --format json` prints it, with the SHA-256 of that text.
CREATE TABLE sealed_statements (
    month VARCHAR NOT NULL,
    workspace_id INTEGER NOT NULL,
    statement VARCHAR NOT NULL,
    digest VARCHAR NOT NULL,
    PRIMARY KEY (month, workspace_id)
);

-- One row per line of a sealed statement; those of its corrections are `of_month` an earlier one. Amounts are in the
-- currency's minor unit, none without a card.
CREATE TABLE sealed_lines (
    month VARCHAR NOT NULL,
    of_month VARCHAR NOT NULL,
    workspace_id INTEGER NOT NULL,
    repository VARCHAR,
    format VARCHAR NOT NULL,
    package VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    byte_seconds DECIMAL(38, 0) NOT NULL,
    amount_minor DECIMAL(38, 0)
);

-- One row per manifest that was ever read: its size; the blobs that it names, the manifests that an index lists, beside
-- them the sizes that it states of them; the manifest that it hangs on, if any; and what of its content is not known.
CREATE TABLE manifests (
    digest VARCHAR NOT NULL,
    size_bytes BIGINT NOT NULL,
    blobs VARCHAR[] NOT NULL,
    blob_sizes BIGINT[] NOT NULL,
    children VARCHAR[] NOT NULL,
    child_sizes BIGINT[] NOT NULL,
    subject VARCHAR,
    unknown VARCHAR
);

-- One row per problem of an object and unbroken row of a source's snapshots that found it, from the first to the last of
-- them; no end: the source's latest one. The workspace and the package concerned may be unknown.
CREATE TABLE broken_objects (
    source_id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    workspace_id INTEGER,
    package VARCHAR,
    problem VARCHAR NOT NULL,
    seen_from BIGINT NOT NULL,
    seen_until BIGINT
);
