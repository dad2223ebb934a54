"""The errors of boto3 as AcctError. They may quote secrets, so none of their texts is shown."""

import re
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigParseError,
    ConnectionError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from accounting.collectors.places.bucket_page import CHECK_SERVER
from accounting.collectors.places.store import GoneError
from accounting.errors import AcctError

T = TypeVar("T")

_CREDENTIALS = (
    "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, to credentials that may read it, or name a"
    " profile in the source"
)
_ENDPOINT = "check endpoint_url and the network, then collect again"
_URL = "correct the url of the source"
_REGION = "set AWS_REGION, or the region of the source, to the bucket's region"
_NOT_READABLE = ("these credentials may not read it", "grant them s3:ListBucket and s3:GetObject")
# By error code: what is wrong, and what to do. For an answer without a code, its HTTP status is the code.
_REFUSALS = {
    "NoSuchBucket": ("there is no such bucket", _URL),
    "InvalidBucketName": ("this is not a valid bucket name", _URL),
    "NoSuchKey": ("the object was deleted after it was listed", "collect again"),
    "AccessDenied": _NOT_READABLE,
    "403": (f"{_NOT_READABLE[0]}, or the endpoint is not an S3 server", f"{_NOT_READABLE[1]}, or check endpoint_url"),
    "InvalidAccessKeyId": ("the server does not know the access key", _CREDENTIALS),
    "SignatureDoesNotMatch": ("the secret key is wrong", _CREDENTIALS),
    "ExpiredToken": ("the credentials have expired", "sign in again"),
    "500": ("the server has an error, or its answer is not XML", CHECK_SERVER),  # botocore reports bad XML as a 500
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "set the clock"),
    "PermanentRedirect": ("the bucket is in another region", _REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", _REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", _REGION),
}


def refusing(where: str, call: Callable[[], T]) -> T:
    """The result of a call to boto3; its errors become AcctError."""
    try:
        return call()
    except ClientError as error:
        said, hint = _answered(error)
        if error.response.get("Error", {}).get("Code") == "NoSuchKey":
            raise GoneError(where, said, hint) from None
    except ParamValidationError:
        said, hint = _REFUSALS["InvalidBucketName"]
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError):
        said, hint = "there are no credentials", _CREDENTIALS
    except ProfileNotFound as error:
        said = f"there is no AWS profile {error.kwargs['profile']!r}"
        hint = "add it to ~/.aws/config, or name another one in the source or in AWS_PROFILE"
    except ConfigParseError:
        said, hint = "the AWS configuration file cannot be read", "correct ~/.aws/config or the file in AWS_CONFIG_FILE"
    except InvalidRegionError as error:
        said, hint = f"{error.kwargs['region_name']!r} is not a region", _REGION
    except (ConnectionError, HTTPClientError) as error:
        said, hint = _unanswered(error)
    except RecursionError:
        said = "the server redirects in circles, or is not an S3 server"
        hint = "check endpoint_url, AWS_REGION and the region of the source"
    except (ResponseParserError, BotoCoreError, KeyError, ValueError) as error:
        said, hint = f"the answer cannot be read ({type(error).__name__})", CHECK_SERVER
    raise AcctError(where, said, hint)


def _answered(error: ClientError) -> tuple[str, str]:
    """What is wrong and what to do, for an error that the server answered; S3 gives each error a code in XML."""
    code = error.response.get("Error", {}).get("Code", "")
    if code in _REFUSALS:
        return _REFUSALS[code]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in ("", str(status)) and status < 500:
        return f"the endpoint is not an S3 server: it answered {status} without an S3 error code", _ENDPOINT
    return f"the server answered {code or status}", "check the server, then collect again"


def _unanswered(error: ConnectionError | HTTPClientError) -> tuple[str, str]:
    """What is wrong and what to do, if there is no answer."""
    reason = str(error.kwargs.get("error"))
    if isinstance(error, SSLError) and "CERTIFICATE" in reason:
        return "the certificate of the endpoint is not trusted", "set AWS_CA_BUNDLE to the certificate of its issuer"
    if isinstance(error, SSLError):
        return "the endpoint is not an S3 server with TLS", f"write http:// if it has no TLS, or {_ENDPOINT}"
    if isinstance(error, EndpointConnectionError):
        system = re.search(r"\[Errno -?\d+\] ([^)]+)", reason)
        return f"no S3 server answers at the endpoint ({system[1] if system else type(error).__name__})", _ENDPOINT
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "the endpoint did not answer in time", _ENDPOINT
    return f"the endpoint did not answer as an S3 server does ({type(error).__name__})", _ENDPOINT
