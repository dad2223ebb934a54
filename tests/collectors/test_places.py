"""Which sources the configuration takes, and whose their packages are."""

from pathlib import Path

import pytest

from accounting.collectors.places.opening import open_store
from accounting.config import LAYOUTS, read_config
from accounting.errors import AcctError
from accounting.facts.collecting import COLLECTORS
from accounting.model import Source


def test_every_layout_has_its_collector() -> None:
    assert (*COLLECTORS, "database") == LAYOUTS  # which keeps no blobs


def configured(folder: Path, **source: str) -> tuple[str, str]:
    """The url and what is listed of a source in a configuration file."""
    file = folder / "acct.toml"
    lines = [f'{key} = "{value}"' for key, value in source.items()]
    file.write_text("\n".join(["[[source]]", 'name = "jars"', *lines]))
    (read,) = read_config(file).sources
    return read.url, read.listed_url


@pytest.mark.parametrize("layout", ["verdaccio", "maven2"])
@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("s3://maven/{workspace}/releases", "s3://maven/"),
        ("s3://maven/all/{workspace}", "s3://maven/all/"),
        ("s3://maven/{workspace}/", "s3://maven/"),
        ("file:registry/{workspace}/releases", "file:registry/"),
        ("file:{workspace}/releases", "file:"),
        ("file:/srv/{workspace}", "file:/srv/"),
    ],
)
def test_a_segment_of_the_url_may_be_the_workspace(tmp_path: Path, layout: str, url: str, listed: str) -> None:
    assert configured(tmp_path, layout=layout, url=url) == (url, listed)


def test_the_place_of_all_workspaces_may_be_the_configuration_files_folder(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/a").write_bytes(b"")
    store = open_store(Source("jars", "maven2", "file:{workspace}"), tmp_path)
    assert store.listing(lambda line: None).objects["key"].to_list() == ["acme/a"]


@pytest.mark.parametrize("layout", ["verdaccio", "maven2"])
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"url": "s3://maven"}, "workspace: is missing, and"),
        (
            {"url": "s3://maven/{workspace}", "workspace": "acme"},
            "workspace: is given although the url has {workspace}",
        ),
        ({"url": "s3://maven/{workspace}/{workspace}"}, "url: {workspace} is not exactly one segment"),
        ({"url": "s3://maven/x-{workspace}"}, "url: {workspace} is not exactly one segment"),
        ({"url": "s3://maven/{workspace}-x/{workspace}"}, "url: {workspace} is not exactly one segment"),
        ({"url": "s3://{workspace}/maven"}, "url: {workspace} is not exactly one segment"),
        ({"url": "s3://{workspace}"}, "url: {workspace} is not exactly one segment"),
        ({"url": "file:x{workspace}"}, "url: {workspace} is not exactly one segment"),
    ],
)
def test_whose_packages_they_are_is_said_once(
    tmp_path: Path, layout: str, entries: dict[str, str], message: str
) -> None:
    with pytest.raises(AcctError) as refused:
        configured(tmp_path, layout=layout, **entries)
    assert f"acct.toml, [[source]] 1, {message}" in str(refused.value)


def test_images_name_their_workspace_themselves(tmp_path: Path) -> None:
    assert configured(tmp_path, layout="distribution", url="s3://images")[0] == "s3://images"
    for given in ({}, {"workspace": "acme"}):
        with pytest.raises(
            AcctError, match=r"url: has \{workspace\}, which the layout distribution does not use. Remove it"
        ):
            configured(tmp_path, layout="distribution", url="s3://images/{workspace}", **given)
