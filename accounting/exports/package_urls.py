"""Package URLs (purl), which identify a package for other tools, such as `pkg:npm/%40acme/ui`."""

from packageurl import PackageURL

_SEPARATORS = {"npm": "/", "maven": ":"}


def package_url(workspace: str, format_: str, package: str) -> str:
    """The package's URL as in bills of materials, without a version.

    An image has its name in the registry, without the host, which the ledger does not know. A name that a URL cannot
    express is approximated: npm names are in lower case, and an empty name is `_`.

    >>> package_url("acme", "npm", "@acme/ui")
    'pkg:npm/%40acme/ui'
    >>> package_url("acme", "maven", "com.acme:core")
    'pkg:maven/com.acme/core'
    >>> package_url("acme", "container", "team/api")
    'pkg:oci/api?repository_url=acme/team/api'
    """
    return str(_url(workspace, format_, package, {}))


def package_id(workspace: str, format_: str, package: str) -> str:
    """The package's URL with its workspace, and with its name if the URL changes that. No two packages of a ledger have
    the same.

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
