"""Names, keys and values that Kubernetes allows."""

import pytest

from apps.cluster.apimachinery import names
from tests.testdata.api import rows

RULES = {
    "TestIsDNS1123Label": names.dns1123_label,
    "TestIsDNS1123Subdomain": names.dns1123_subdomain,
    "TestIsQualifiedName": names.qualified_name,
    "TestIsConfigMapKey": names.config_map_key,
    "TestIsValidPercent": names.percent,
}
TWO_EXAMPLES = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and"
    " end with an"
    " alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
    " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


@pytest.mark.parametrize(
    ("rule", "text", "good"), [pytest.param(*row, id=f"{row[0]} {row[1][:30]!r} {row[2]}") for row in rows("names")]
)
def test_names(rule, text, good):
    assert (RULES[rule](text) == ()) is good


@pytest.mark.parametrize(
    ("rule", "text", "messages"),
    [
        pytest.param(names.dns1123_label, "a.b", ("must not contain dots",), id="a label with dots"),
        pytest.param(
            names.dns1123_label,
            "A",
            (TWO_EXAMPLES,),
            id="two examples, with the blank upstream leaves",
        ),
        pytest.param(
            names.port_name,
            "a-very-long-port-name",
            ("must be no more than 15 characters",),
            id="a port's name is short",
        ),
        pytest.param(names.port_number, 0, ("must be between 1 and 65535, inclusive",), id="a port is not 0"),
    ],
)
def test_messages(rule, text, messages):
    assert rule(text) == messages
