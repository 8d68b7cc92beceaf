"""The API machinery: quantities in all their forms, label selectors, durations, numbers or percentages."""

from __future__ import annotations

import json

import yaml

from apps.cluster.apimachinery import intstr, quantity, selectors, timestamps
from apps.cluster.apimachinery.status import StatusError
from tests.fidelity.tables.registry import Row, adaptor, same
from tests.fidelity.tables.shapes import milliseconds


@adaptor("quantity__resource__TestQuantityParse")
def quantity_parse(row: Row) -> None:
    text = row["input"] if row.part != "invalid" else row.value
    try:
        found = quantity.parse(text).canonical()
    except quantity.InvalidQuantity:
        found = "error"
    same(found, "error" if row.part == "invalid" else row["expect"])


@adaptor("quantity__resource__TestNewSet")
def quantity_of_a_number(row: Row) -> None:
    same(quantity.Quantity(row["value"], 0, row["format"], False, "").canonical(), row["expect"])


@adaptor("quantity__resource__TestQuantityCmpInt64AndDec")
def quantity_compare(row: Row) -> None:
    difference = quantity.nano(row["a"]) - quantity.nano(row["b"])
    same((difference > 0) - (difference < 0), row["cmp"])


@adaptor("quantity__resource__TestQuantityRoundUp")
def quantity_round(row: Row) -> None:
    same(quantity.parse(row["in"]).rounded_up(row["scale"]).canonical(), row["expect"])


@adaptor("quantity__resource__TestScaledValue")
def quantity_scaled(row: Row) -> None:
    one = quantity.Quantity(1, row["fromScale"], quantity.DECIMAL_SI, False, "")
    same(one.scaled(row["toScale"]), row["expected"])


@adaptor("intstr__intstr__TestParse")
def intstr_parse(row: Row) -> None:
    same(intstr.parse(row["input"]), row["output"])


@adaptor("intstr__intstr__TestIntOrStringMarshalJSON")
def intstr_as_json(row: Row) -> None:
    same(json.dumps({"val": row["input"]}, separators=(",", ":")), row["result"])


@adaptor("intstr__intstr__TestIntOrStringMarshalJSONUnmarshalYAML")
def intstr_there_and_back(row: Row) -> None:
    back = yaml.safe_load(json.dumps({"val": row["input"]}))["val"]
    same((back, type(back).__name__), (row["input"], type(row["input"]).__name__))


# What Go numbers its kinds of tokens by.
TOKENS = ["error", "end", ")", ",", "!", "==", "=", ">", "id", "in", "<", "!=", "notin", "("]


@adaptor("labels__labels__TestLexerSequence")
def tokens(row: Row) -> None:
    same([TOKENS.index(token.kind) for token in selectors.lex(row["s"])][: len(row["t"])], row["t"])


@adaptor("labels__labels__TestSelectorParse")
def selector_there_and_back(row: Row) -> None:
    try:
        found = str(selectors.parse(row.value))
    except StatusError:
        found = "error"
    same(found, row.value.replace(" ", "") if row.part == "testGoodStrings" else "error")


def _written(operator: str, values: list[str]) -> tuple[str, tuple[str, ...]]:
    """Equality is `in` (or `notin`) with one value here."""
    ours = {"=": "in", "==": "in", "!=": "notin"}.get(operator, operator)
    return ours, tuple(sorted(set(values)))


@adaptor("labels__labels__TestRequirementEqual")
def requirements_are_equal(row: Row) -> None:
    one, other = (
        selectors.Requirement(row[which]["key"], row[which]["operator"], tuple(row[which]["strValues"]))
        for which in ("x", "y")
    )
    same(one == other, row["want"])


@adaptor("labels__labels__TestSetSelectorParser")
def set_selector(row: Row) -> None:
    try:
        found = selectors.parse(row["In"] or "")
    except StatusError:
        same(False, row["Valid"], "valid")
        return
    same(True, row["Valid"], "valid")
    ours = [(term.key, *_written(term.operator, list(term.values))) for term in found.requirements]
    wanted = [(one["key"], *_written(one["operator"], one.get("strValues") or [])) for one in row["Out"] or ()]
    same(ours == wanted, row["Match"], f"{ours} like {wanted}")


@adaptor("labels__labels__TestSetSelectorString")
def selector_of_labels(row: Row) -> None:
    same(str(selectors.from_map(row["set"])), row["out"])


@adaptor("duration__duration__TestHumanDuration")
def human_duration(row: Row) -> None:
    same(timestamps.human_duration(milliseconds(row["d"])), row["want"])
