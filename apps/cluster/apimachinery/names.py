"""Which names Kubernetes allows: labels, subdomains, qualified names, label values, percentages, ports.

Each function gives the list of what is wrong, in upstream's words, empty when nothing is.

Models      k8s.io/apimachinery/pkg/util/validation/validation.go and content/, pkg/api/validation/generic.go
Leaves out  nothing that a built-in kind asks for
"""

from __future__ import annotations

import ipaddress
import re

from apps.cluster.apimachinery.remember import remembered

LABEL_MAX = 63
SUBDOMAIN_MAX = 253
LABEL_VALUE_MAX = 63
PORT_NAME_MAX = 15

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + "(\\." + _LABEL + ")*"
_WILDCARD = "\\*\\." + _SUBDOMAIN
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_UNDERSCORED = _UNDERSCORED + "(\\." + _UNDERSCORED + ")*"
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(" + _QUALIFIED + ")?"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_ENV_NAME = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_PERCENT = "[0-9]+%"
_HTTP_HEADER = "[-A-Za-z0-9]+"

_RE = {
    text: re.compile(text, re.ASCII)
    for text in (
        _LABEL,
        _SUBDOMAIN,
        _WILDCARD,
        _SUBDOMAIN_UNDERSCORED,
        _DNS1035,
        _QUALIFIED,
        _LABEL_VALUE,
        _C_IDENTIFIER,
        _ENV_NAME,
        _CONFIG_KEY,
        _PERCENT,
        _HTTP_HEADER,
    )
}
_PORT_CHARS = re.compile(r"[-a-z0-9]+", re.ASCII)
_PORT_LETTER = re.compile(r"[a-z]")

LABEL_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
    " end with an"
    " alphanumeric character"
)
SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end"
    " with an alphanumeric character"
)
UNDERSCORED_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start"
    " and end with an alphanumeric character"
)
WILDCARD_MESSAGE = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist"
    " of lower case"
    " alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
DNS1035_MESSAGE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
    " character, and end"
    " with an alphanumeric character"
)
QUALIFIED_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
LABEL_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end"
    " with an alphanumeric character"
)
EMPTY = "must be non-empty"


def max_length(length: int) -> str:
    return f"must be no more than {length} characters"


def max_bytes(length: int) -> str:
    return f"must be no more than {length} bytes"


def between(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """How upstream tells of a regular expression that did not match."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {listed}regex used for validation is '{pattern}')"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@remembered(8192)
def dns1123_label(value: str) -> tuple[str, ...]:
    """A name such as a namespace's or a container's: `web-0`."""
    errors = []
    if _size(value) > LABEL_MAX:
        errors.append(max_length(LABEL_MAX))
    if not _RE[_LABEL].fullmatch(value):
        if _RE[_SUBDOMAIN].fullmatch(value):
            errors.append("must not contain dots")
        else:
            errors.append(regex_error(LABEL_MESSAGE, _LABEL, "my-name", "123-abc"))
    return tuple(errors)


@remembered(8192)
def dns1123_subdomain(value: str) -> tuple[str, ...]:
    """A name such as a Pod's or a ConfigMap's: `web-0.example.com`."""
    errors = []
    if _size(value) > SUBDOMAIN_MAX:
        errors.append(max_length(SUBDOMAIN_MAX))
    if not _RE[_SUBDOMAIN].fullmatch(value):
        errors.append(regex_error(SUBDOMAIN_MESSAGE, _SUBDOMAIN, "example.com"))
    return tuple(errors)


def dns1123_subdomain_with_underscore(value: str) -> tuple[str, ...]:
    """A search domain of a resolver: `_sip._tcp.example.com`."""
    errors = []
    if _size(value) > SUBDOMAIN_MAX:
        errors.append(max_length(SUBDOMAIN_MAX))
    if not _RE[_SUBDOMAIN_UNDERSCORED].fullmatch(value):
        errors.append(regex_error(UNDERSCORED_MESSAGE, _SUBDOMAIN_UNDERSCORED, "example.com"))
    return tuple(errors)


def wildcard_dns1123_subdomain(value: str) -> tuple[str, ...]:
    """`*.example.com`."""
    errors = []
    if _size(value) > SUBDOMAIN_MAX:
        errors.append(max_length(SUBDOMAIN_MAX))
    if not _RE[_WILDCARD].fullmatch(value):
        errors.append(regex_error(WILDCARD_MESSAGE, _WILDCARD, "*.example.com"))
    return tuple(errors)


@remembered(2048)
def dns1035_label(value: str) -> tuple[str, ...]:
    """A name such as a Service's: begins with a letter."""
    errors = []
    if _size(value) > LABEL_MAX:
        errors.append(max_length(LABEL_MAX))
    if not _RE[_DNS1035].fullmatch(value):
        errors.append(regex_error(DNS1035_MESSAGE, _DNS1035, "my-name", "abc-123"))
    return tuple(errors)


@remembered(8192)
def qualified_name(value: str) -> tuple[str, ...]:
    """A label or annotation key: `app`, `example.com/app`."""
    errors = []
    parts = value.split("/")
    if len(parts) == 1:
        name = parts[0]
    elif len(parts) == 2:
        prefix, name = parts
        if not prefix:
            errors.append(f"prefix part {EMPTY}")
        else:
            errors += [
                f"prefix part {message.replace('characters', 'bytes', _size(prefix) > SUBDOMAIN_MAX)}"
                for message in dns1123_subdomain(prefix)
            ]
    else:
        return (
            "a valid label key "
            + regex_error(QUALIFIED_MESSAGE, _QUALIFIED, "MyName", "my.name", "123-abc")
            + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
        )
    if not name:
        errors.append(f"name part {EMPTY}")
    elif _size(name) > LABEL_MAX:
        errors.append(f"name part {max_bytes(LABEL_MAX)}")
    if not _RE[_QUALIFIED].fullmatch(name):
        errors.append("name part " + regex_error(QUALIFIED_MESSAGE, _QUALIFIED, "MyName", "my.name", "123-abc"))
    return tuple(errors)


@remembered(8192)
def label_value(value: str) -> tuple[str, ...]:
    """A label's value, which may be empty."""
    errors = []
    if _size(value) > LABEL_VALUE_MAX:
        errors.append(max_bytes(LABEL_VALUE_MAX))
    if not _RE[_LABEL_VALUE].fullmatch(value):
        errors.append(regex_error(LABEL_VALUE_MESSAGE, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return tuple(errors)


def c_identifier(value: str) -> tuple[str, ...]:
    if _RE[_C_IDENTIFIER].fullmatch(value):
        return ()
    message = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric"
        " characters or"
        " '_'"
    )
    return (regex_error(message, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName"),)


def _not_dots(value: str) -> list[str]:
    if value == ".":
        return ["must not be '.'"]
    if value == "..":
        return ["must not be '..'"]
    if value.startswith(".."):
        return ["must not start with '..'"]
    return []


def relaxed_env_var_name(value: str) -> tuple[str, ...]:
    """Any printable ASCII but '=' (the rule for environment variables since 1.34)."""
    if not value:
        return ("environment variable name " + EMPTY,)
    if all(32 <= ord(c) <= 126 and c != "=" for c in value):
        return ()
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


def config_map_key(value: str) -> tuple[str, ...]:
    """A key of a ConfigMap or Secret."""
    errors = []
    if _size(value) > SUBDOMAIN_MAX:
        errors.append(max_length(SUBDOMAIN_MAX))
    if not _RE[_CONFIG_KEY].fullmatch(value):
        message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(regex_error(message, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return tuple(errors + _not_dots(value))


def http_header_name(value: str) -> tuple[str, ...]:
    if _RE[_HTTP_HEADER].fullmatch(value):
        return ()
    return (
        regex_error(
            "a valid HTTP header must consist of alphanumeric characters or '-'", _HTTP_HEADER, "X-Header-Name"
        ),
    )


def in_range(number: int, low: int, high: int) -> tuple[str, ...]:
    return () if low <= number <= high else (between(low, high),)


def port_number(port: int) -> tuple[str, ...]:
    return in_range(port, 1, 65535)


MAX_ID = (1 << 31) - 1


def user_id(number: int) -> tuple[str, ...]:
    return in_range(number, 0, MAX_ID)


group_id = user_id


@remembered(1024)
def port_name(value: str) -> tuple[str, ...]:
    """A port's name (IANA service name): `http`, `web-2`."""
    errors = []
    if _size(value) > PORT_NAME_MAX:
        errors.append(max_length(PORT_NAME_MAX))
    if not _PORT_CHARS.fullmatch(value):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _PORT_LETTER.search(value):
        errors.append("must contain at least one letter (a-z)")
    if "--" in value:
        errors.append("must not contain consecutive hyphens")
    if value and (value[0] == "-" or value[-1] == "-"):
        errors.append("must not begin or end with a hyphen")
    return tuple(errors)


def percent(value: str) -> tuple[str, ...]:
    if _RE[_PERCENT].fullmatch(value):
        return ()
    message = "a valid percent string must be a numeric string followed by an ending '%'"
    return (regex_error(message, _PERCENT, "1%", "93%"),)


@remembered(8192)
def is_ip(value: str) -> bool:
    """An IPv4 or IPv6 address as Go's net.ParseIP reads it, without zones."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return "%" not in value
