"""Kubernetes' own tables, row by row, on our model: `make fidelity` as tests."""

from __future__ import annotations

import pytest

from tests.fidelity import explain, tables

ROWS = [
    pytest.param(row, id=f"{table} {row.title}")
    for topic in tables.topics()
    for table in tables.tables(topic)
    if tables.adaptor_of(table)
    for row in tables.rows(table)
]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_gives_what_kubernetes_expects(row: tables.Row) -> None:
    how = tables.run(row)
    if how and explain.why_row_left_out(row.table, row.title, row) is not None:
        pytest.skip("not run: content/fidelity/left_out.toml says why")
    why = explain.why_it_differs(row.table, row.title, how)
    if how:
        assert why is not None, how
    else:
        assert why is None or explain.explained()[why].what == "", "explained, but it does not differ"


def test_every_table_is_run_or_has_a_reason_not_to_be() -> None:
    silent = [
        table
        for topic in tables.topics()
        for table in tables.tables(topic)
        if not tables.adaptor_of(table) and explain.why_left_out(table) is None
    ]
    assert silent == []


def test_every_adaptor_has_its_table() -> None:
    known = {table for topic in tables.topics() for table in tables.tables(topic)}
    assert [table for table in tables.adaptors() if table not in known] == []
