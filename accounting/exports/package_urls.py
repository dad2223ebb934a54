"""Package URLs (purl): the names by which other tools know a package, such as `pkg:npm/%40acme/ui`."""

from packageurl import PackageURL

_SEPARATORS = {"npm": "/", "maven": ":"}


def package_url(workspace: str, format_: str, package: str) -> str:
    """The package's URL, as bills of materials write it; without a version.

    An image goes by its name in the registry, whose host the ledger does not know. What a URL cannot spell is as near
    as it gets: npm's are in lower case, and what has no name at all is `_`.

    >>> package_url("acme", "npm", "@acme/ui")
    'pkg:npm/%40acme/ui'
    >>> package_url("acme", "maven", "com.acme:core")
    'pkg:maven/com.acme/core'
    >>> package_url("acme", "container", "team/api")
    'pkg:oci/api?repository_url=acme/team/api'
    """
    return str(_url(workspace, format_, package, {}))


def package_id(workspace: str, format_: str, package: str) -> str:
    """The package's URL with its workspace, and with its name where the URL spells that otherwise: no two packages of
    a ledger have the same.

    >>> package_id("acme", "npm", "@acme/ui")
    'pkg:npm/%40acme/ui?workspace=acme'
    >>> package_id("acme", "npm", "Base64")
    'pkg:npm/base64?package=Base64&workspace=acme'
    """
    url = _url(workspace, format_, package, {"workspace": workspace})
    if format_ in _SEPARATORS and _SEPARATORS[format_].join(filter(None, (url.namespace, url.name))) != package:
        url = _url(workspace, format_, package, {"workspace": workspace, "package": package})
    return str(url)


def _url(workspace: str, format_: str, package: str, qualifiers: dict[str, str]) -> PackageURL:
    if format_ in _SEPARATORS:
        namespace, _, name = package.rpartition(_SEPARATORS[format_])
        kind = format_
    else:
        kind, namespace, name = "oci", "", package.rpartition("/")[2]
        qualifiers = qualifiers | {"repository_url": f"{workspace}/{package}"}
    return PackageURL(kind, namespace or None, name if name.strip("/ \t") else "_", None, qualifiers)
