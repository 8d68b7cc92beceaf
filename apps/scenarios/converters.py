"""The part of an address that names a scenario: its short id, or a whole v1 link."""


class RefConverter:
    """`3kf9x2mq7h` or `v1.…`."""

    regex = r"v1\.[A-Za-z0-9_-]{1,4000}|[A-Za-z0-9]{1,16}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class FormatConverter(RefConverter):
    """The ending of a file."""

    regex = r"[a-z0-9]{2,5}"
