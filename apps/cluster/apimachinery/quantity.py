"""Quantities: "500m", "1Gi", "1e3". Read exactly, compared exactly, written in the one canonical form.

Models      k8s.io/apimachinery/pkg/api/resource (ParseQuantity, CanonicalizeBytes, RoundUp, Cmp)
Leaves out  texts of more than 1,000 characters and exponents beyond a thousand are refused rather than worked out;
            CBOR, which this API server does not speak
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

DECIMAL_SI = "DecimalSI"
BINARY_SI = "BinarySI"
DECIMAL_EXPONENT = "DecimalExponent"

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

_SPLIT = re.compile(r"([+-]?)0*([0-9]*)(?:(\.)([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {0: "", **{exponent: suffix for suffix, exponent in _BINARY.items()}}
_MAX_INT64 = (1 << 63) - 1
_MOST = 10**60
_NANO = 10**9
_PRECISION = 18  # decimal digits that always fit an int64
_LONGEST = 1000  # characters of a quantity, and the largest exponent: ten to the thousand millionth fits no memory


class InvalidQuantity(ValueError):
    """The text is not a quantity; the message is the API machinery's."""


class Quantity(NamedTuple):
    """A parsed quantity: `unscaled * 10**scale`.

    `big` says that upstream keeps it as an arbitrary precision decimal, and `text` is the string upstream keeps with
    it when the text was canonical already. Both show in a Go dump of the struct, so the pod-template-hash depends on
    them.
    """

    unscaled: int
    scale: int
    format: str
    big: bool
    text: str

    def scaled(self, scale: int) -> int:
        """`value / 10**scale`, rounded away from zero."""
        shift = self.scale - scale
        if shift >= 0:
            return self.unscaled * int(10**shift)
        divisor = int(10**-shift)
        magnitude = -(-abs(self.unscaled) // divisor)
        return magnitude if self.unscaled >= 0 else -magnitude

    def written(self) -> str:
        """As the API server writes it back: a text that upstream takes for canonical is kept ("1.500", "1E6")."""
        return self.text or self.canonical()

    def canonical(self) -> str:
        """The one canonical form."""
        if self.unscaled == 0:
            return "0"
        style = self.format
        if style == BINARY_SI:
            whole = self.scaled(0)
            inexact = self.scale < 0 and self.unscaled % 10**-self.scale != 0
            if inexact or -1024 < whole < 1024:
                style = DECIMAL_SI
            else:
                exponent = 0
                while whole % 1024 == 0 and exponent < 60:
                    whole //= 1024
                    exponent += 10
                return f"{whole}{_BINARY_SUFFIX[exponent]}"
        mantissa, exponent = self.unscaled, self.scale
        while mantissa % 10 == 0:
            mantissa //= 10
            exponent += 1
        while exponent % 3:
            mantissa *= 10
            exponent -= 1
        if style == DECIMAL_SI:
            return f"{mantissa}{_DECIMAL_SUFFIX.get(exponent, '')}"
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)

    def rounded_up(self, scale: int) -> Quantity:
        """No finer than `10**scale`; what is coarser already stays as it is (with the text it was written in)."""
        if not self.big and self.scale >= scale:
            return self
        if self.big and self.scale >= scale:
            return self._replace(text="")
        return self._replace(unscaled=self.scaled(scale), scale=scale, text="")

    def is_multiple_of(self, scale: int) -> bool:
        """Whether rounding to `10**scale` loses nothing."""
        return self.scale >= scale or self.unscaled % int(10 ** (scale - self.scale)) == 0

    def times(self, factor: int) -> tuple[Quantity, bool]:
        """The product, and whether its digits still fit 64 bits."""
        unscaled = self.unscaled * factor
        fits = -_MAX_INT64 - 1 <= unscaled <= _MAX_INT64
        return self._replace(unscaled=unscaled, big=self.big or not fits, text=""), fits


def _interpret(suffix: str) -> tuple[int, int, str]:
    """Base, exponent and format of a suffix."""
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], DECIMAL_SI
    if suffix in _BINARY:
        return 2, _BINARY[suffix], BINARY_SI
    if len(suffix) > 1 and suffix[0] in "eE":
        try:
            exponent = int(suffix[1:])
        except ValueError:
            pass
        else:
            if abs(exponent) <= _LONGEST:
                return 10, exponent, DECIMAL_EXPONENT
    raise InvalidQuantity(SUFFIX_WRONG)


@lru_cache(maxsize=4096)
def parse(text: str) -> Quantity:
    """Read a quantity.

    >>> parse("1Gi").scaled(0), parse("100m").scaled(-3), parse("0.5").canonical()
    (1073741824, 100, '500m')

    Raises:
        InvalidQuantity: with one of upstream's three messages.
    """
    if not text:
        raise InvalidQuantity(FORMAT_WRONG)
    if len(text) > _LONGEST:
        raise InvalidQuantity(NUMERIC_WRONG)
    if text == "0":
        return Quantity(0, 0, DECIMAL_SI, False, "0")
    match = _SPLIT.fullmatch(text)
    if match is None:
        raise InvalidQuantity(FORMAT_WRONG)
    sign, number, _, fraction, suffix = match.groups()
    number, fraction = number or "0", fraction or ""
    base, exponent, style = _interpret(suffix)
    negative = sign == "-"
    if base == 10:
        scale, mantissa = exponent, 1
        precision = _PRECISION - len(number) - len(fraction)
    elif fraction:
        scale, mantissa, precision = 0, 1, -1
    else:
        scale, mantissa = 0, 1 << exponent
        precision = 15 - len(number) - int(exponent * 3 / 10) - 1
    if precision >= 0:
        scale -= len(fraction)
        if scale >= -9:
            shifted = number + fraction
            value = int(shifted)
            result = value * mantissa
            if result <= _MAX_INT64:
                if base == 2:
                    keep = bool(value & 7)
                else:
                    keep = scale % 3 == 0 and not shifted.endswith("000") and shifted[0] != "0"
                return Quantity(-result if negative else result, scale, style, False, text if keep else "")
    return _parse_big(number, fraction, base, exponent, style, negative)


def _parse_big(number: str, fraction: str, base: int, exponent: int, style: str, negative: bool) -> Quantity:
    """What does not fit an int64: an exact decimal, no finer than nano (rounded up), capped when binary."""
    unscaled, scale = int(number + fraction), -len(fraction)
    if base == 10:
        scale += exponent
    else:
        unscaled <<= exponent
    if unscaled and scale < -9:
        unscaled = -(-unscaled // 10 ** (-9 - scale)) if scale > -400 else 1
        scale = -9
    if style == BINARY_SI:
        limit = _MAX_INT64
        if unscaled > limit * 10 ** max(-scale, 0):
            unscaled, scale = limit, 0
        elif scale < 0 and 0 < unscaled < 10**-scale:
            style = DECIMAL_SI
    return Quantity(-unscaled if negative else unscaled, scale, style, True, "")


def _text(quantity: Any) -> str:
    """A JSON number stands for its digits."""
    return quantity if isinstance(quantity, str) else str(quantity)


def _bounded(number: int) -> int:
    """No more than anybody can do arithmetic with, fractions included."""
    return max(-_MOST, min(number, _MOST))


@lru_cache(maxsize=4096)
def _milli(text: str) -> int:
    return _bounded(parse(text).scaled(-3))


@lru_cache(maxsize=4096)
def _value(text: str) -> int:
    return _bounded(parse(text).scaled(0))


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    return parse(text.strip(" \t\r\n")).written()


def milli(quantity: Any) -> int:
    """Thousandths, rounded up: what CPU is counted in.

    >>> milli("1500m"), milli("2"), milli("0.5")
    (1500, 2000, 500)

    Raises:
        InvalidQuantity: the text is not a quantity.
    """
    return _milli(_text(quantity))


def value(quantity: Any) -> int:
    """Whole units, rounded up: bytes, Pods, ports.

    >>> value("1Gi"), value("1500m"), value(3)
    (1073741824, 2, 3)

    Raises:
        InvalidQuantity: the text is not a quantity.
    """
    return _value(_text(quantity))


def nano(quantity: Any) -> int:
    """Thousand-millionths: the finest that a quantity tells apart, for exact comparison.

    Raises:
        InvalidQuantity: the text is not a quantity.
    """
    return parse(_text(quantity)).scaled(-9)


def canonical(quantity: Any) -> str:
    """The text in which the API server writes it back.

    >>> canonical("0.5"), canonical("1024Mi"), canonical(1), canonical("1500m")
    ('500m', '1Gi', '1', '1500m')

    Raises:
        InvalidQuantity: the text is not a quantity.
    """
    return _canonical(_text(quantity))


@lru_cache(maxsize=4096)
def canonical_resource(text: str) -> str:
    """As `canonical`, after the rounding up to thousandths that every resource list gets.

    >>> canonical_resource("0.0001"), canonical_resource("100m")
    ('1m', '100m')
    """
    return parse(text.strip(" \t\r\n")).rounded_up(-3).written()


def minus_or_plus(one: Quantity, other: Quantity, sign: int) -> Quantity:
    """`one + sign * other`, in the format of the first, or of the other where the first is nothing.

    >>> minus_or_plus(parse("1Gi"), parse("512Mi"), -1).canonical()
    '512Mi'
    """
    scale = min(one.scale, other.scale)
    unscaled = one.unscaled * int(10 ** (one.scale - scale)) + sign * other.unscaled * int(10 ** (other.scale - scale))
    style = one.format if one.unscaled else other.format
    big = one.big or other.big or abs(unscaled) > _MAX_INT64
    return Quantity(unscaled, scale, style, big, "")


def decimal_text(unscaled: int, scale: int) -> str:
    """`unscaled / 10**scale` with every digit, as upstream's decimals print.

    >>> decimal_text(4, 3), decimal_text(8, -3)
    ('0.004', '8000')
    """
    if scale <= 0:
        return str(unscaled * 10**-scale)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    return f"{'-' * (unscaled < 0)}{digits[:-scale]}.{digits[-scale:]}"


def format_milli(amount: int) -> str:
    """Thousandths as a decimal quantity: what upstream's NewMilliQuantity prints.

    >>> format_milli(1500), format_milli(2000)
    ('1500m', '2')
    """
    return Quantity(amount, -3, DECIMAL_SI, False, "").canonical()


def format_value(amount: int, binary: bool = False) -> str:
    """Whole units as a quantity: what upstream's NewQuantity prints.

    >>> format_value(1073741824, binary=True), format_value(110)
    ('1Gi', '110')
    """
    return Quantity(amount, 0, BINARY_SI if binary else DECIMAL_SI, False, "").canonical()
