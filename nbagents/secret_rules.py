"""What counts as a secret: by the name of its variable, as the password of a URL, or by the shape of a key.

One set of rules for all who need it: the redactor takes such texts out of what is kept and shown, and code that runs
beside the notebook is started without such variables.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|CREDENTIAL|PRIVATE|COOKIE|SIGNATURE|(^|_)(PAT|PWD|PASS|AUTH|DSN)($|_)", re.I
)
URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)")
SHORTEST_SECRET = 6

_MAY_HOLD_A_KEY = re.compile(r"\S{16}|xox|eyJ|-----BEGIN")
"""Every shape of a key has this in it; most of what is said has not, and needs no search for each shape."""


def secrets_in(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variables that hold a secret by their name, and the passwords in URLs: name and secret."""
    for name, value in environ.items():
        password = URL_PASSWORD.search(value)
        if password:
            yield name, password[2]
        elif SECRET_NAME.search(name) and len(value) >= SHORTEST_SECRET and not _is_path(value):
            yield name, value


def may_hold_a_key(text: str) -> bool:
    """False where no shape of a key can be in `text`; says so quickly."""
    return _MAY_HOLD_A_KEY.search(text) is not None


def without_secrets(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`environ` without the variables that hold a secret: for code that an agent wrote."""
    known = {name for name, _ in secrets_in(environ)}
    return {name: value for name, value in environ.items() if name not in known and not _has_shape(value)}


def _has_shape(value: str) -> bool:
    return may_hold_a_key(value) and any(pattern.search(value) for _, pattern in shapes())


def _is_path(value: str) -> bool:
    """SSH_AUTH_SOCK and the like hold where a secret is, not the secret."""
    return value.startswith(("/", "~", "./")) and os.path.exists(os.path.expanduser(value))


@cache
def shapes() -> list[tuple[str, re.Pattern[str]]]:
    """The formats of keys that detect-secrets knows, and newer ones: what each is called, and its pattern."""
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
    from detect_secrets.plugins.jwt import JwtTokenDetector
    from detect_secrets.plugins.openai import OpenAIDetector
    from detect_secrets.plugins.pypi_token import PypiTokenDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.stripe import StripeDetector

    detectors = [
        AWSKeyDetector, GitHubTokenDetector, GitLabTokenDetector, JwtTokenDetector, OpenAIDetector,
        PypiTokenDetector, SendGridDetector, SlackDetector, StripeDetector,
    ]  # fmt: skip
    found: list[tuple[str, re.Pattern[str]]] = []
    for detector in detectors:
        # detect-secrets declares these as properties of an instance; they are plain class attributes.
        patterns: Any = detector.denylist
        found += [(str(detector.secret_type), pattern) for pattern in patterns]
    # detect-secrets finds a private key by its first line; the whole block must go.
    found.append(
        ("private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(-----END [A-Z0-9 ]*-----|\Z)", re.S))
    )
    # Project keys of OpenAI and Anthropic are newer than detect-secrets 1.5.
    found.append(("model provider key", re.compile(r"\bsk-(?:proj|svcacct|admin|ant|or)-[A-Za-z0-9_-]{16,}")))
    return found
