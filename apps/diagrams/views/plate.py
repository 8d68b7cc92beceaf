"""The geometry of the cluster figure: where each part stands, for each width. Whole pixels, y down.

Nothing here knows what is in the cluster; only how many rows and cells it ever needed. So a Pod that comes or goes
moves nothing, and a plate that has to grow grows downward.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from apps.diagrams.graph import Rect, Text
from apps.diagrams.options import WIDTHS
from apps.diagrams.views.splines import Point, Points, curve, route, straight

DRUM_ROWS = (6, 9, 12, 16)  # rows of stored objects a drum may have; more are counted in its last line
MAX_POD_ROWS = 12
ROW_GAP = 42  # between two rows of workers: room for a kubelet and its edge
ROOM = 65  # between the gate and the first worker


class Worker(NamedTuple):
    """A worker node's place. `room` is the width its name and words may take."""

    frame: Rect
    header: float
    name: Text
    room: float
    cpu: Text
    gauge: tuple[float, float, float]  # x, y, width
    kubelet: Rect
    chips: tuple[Rect, ...]
    slots: tuple[Rect, ...]
    edge: Points


class Plate(NamedTuple):
    """Every place of the figure."""

    width: int
    height: int
    kubectl: Rect
    control: Rect
    drum: Rect
    rows: tuple[float, ...]  # baselines of the drum's rows; the last is for what else is stored
    gate: Rect
    gate_texts: tuple[Text, Text]
    manager: Rect
    manager_x: float
    manager_lines: int
    scheduler: Rect
    waiting: tuple[Rect, ...]
    control_chips: tuple[Rect, ...]  # kubelet, CRI-O, kube-proxy, calico-node
    control_slots: tuple[Rect, ...]
    workers: tuple[Worker, ...]
    edges: dict[str, Points]  # kubectl, etcd, kube-controller-manager, kube-scheduler, kubelet


class Size(NamedTuple):
    """The measures of a layout with workers abreast."""

    gap: int
    drum: int
    right: int  # the column of controller manager and scheduler
    gate: int
    per_row: int  # Pods in a row of a worker
    pod: int
    pod_gap: int
    waiting: int
    gauge: int
    kubelet: int
    ports: int  # from the gate's middle to its outer ports
    manager_lines: int


SIZES = {
    "full": Size(30, 452, 420, 168, 5, 76, 6, 5, 72, 84, 50, 2),
    "wide": Size(28, 400, 340, 168, 4, 76, 8, 4, 72, 84, 50, 2),
    "medium": Size(18, 268, 250, 132, 3, 66, 7, 3, 44, 64, 40, 3),
}
COLUMNS = 3


def rows_for(high: int) -> int:
    """The rows a drum has when `high` were ever needed."""
    return next((rows for rows in DRUM_ROWS if high <= rows), DRUM_ROWS[-1])


def per_row(width: str, dense: bool) -> int:
    """Pods side by side in a worker."""
    if dense:
        return 4
    return SIZES[width].per_row if width in SIZES else 5


def columns(width: str, dense: bool) -> int:
    """Workers side by side."""
    if dense:
        return {"full": 7, "wide": 6, "medium": 4}.get(width, 2)
    return COLUMNS if width in SIZES else 1


@lru_cache(maxsize=256)
def plate(width: str, rows: int, cells: int, pod_rows: tuple[int, ...], control_rows: int, dense: bool) -> Plate:
    """The plate of a width.

    rows: rows of the drum. cells: workers there is room for. pod_rows: rows of Pods, for each row of workers.
    control_rows: rows of Pods on the control plane. dense: workers as small tiles.
    """
    if width in SIZES:
        return _abreast(width, rows, cells, pod_rows, control_rows, dense)
    return _stacked(rows, cells, pod_rows, control_rows, dense)


def _abreast(width: str, rows: int, cells: int, pod_rows: tuple[int, ...], control_rows: int, dense: bool) -> Plate:
    pixels = WIDTHS[width]
    size = SIZES[width]
    middle = pixels // 2
    top = 74
    drum = Rect(16, top, size.drum, 82 + 20 * rows)
    right = pixels - 16 - size.right
    manager = Rect(right, top, size.right, 34 + 16 * size.manager_lines)
    scheduler = Rect(right, manager.bottom + 10, size.right, 66)
    waiting = tuple(Rect(right + 9 + 76 * n, scheduler.y + 31, 70, 26) for n in range(size.waiting))
    control_slots = tuple(
        Rect(right + 9 + 79 * (n % size.waiting), scheduler.bottom + 10 + 32 * (n // size.waiting), 74, 26)
        for n in range(size.waiting * max(1, control_rows))
    )
    bottom = max(drum.bottom, control_slots[-1].bottom) + 16
    control = Rect(0, 38, pixels, bottom - 38)
    gate = Rect(middle - size.gate // 2, bottom - 92, size.gate, 104)
    chips = _chips(pixels - 16, 47, (56, 52, 74, 78) if width != "medium" else (50, 46, 68, 71), 6, 18)
    first = gate.bottom + ROOM
    workers: list[Worker] = []
    y = first
    across = columns(width, dense)
    for row, lines in enumerate(pod_rows):
        here = range(row * across, min((row + 1) * across, cells))
        if dense:
            workers += [_tile(pixels, across, cell, y, lines, gate, first) for cell in here]
        else:
            workers += [_worker(pixels, size, cell, y, lines, gate, first) for cell in here]
        y = workers[-1].frame.bottom + (12 if dense else ROW_GAP) if here else y
    left = gate.right + 2
    end = max((worker.frame.bottom for worker in workers), default=gate.bottom)
    return Plate(
        width=pixels,
        height=int(end) + 2,
        kubectl=Rect(middle - 35, 1, 70, 24),
        control=control,
        drum=drum,
        rows=(*(drum.y + 53 + 20 * n for n in range(rows)), drum.y + 60 + 20 * rows),
        gate=gate,
        gate_texts=(
            Text(middle, gate.y + 48, "k-ap", "middle"),
            Text(middle, gate.y + 68, "k-aps", "middle"),
        ),
        manager=manager,
        manager_x=right + 14,
        manager_lines=size.manager_lines,
        scheduler=scheduler,
        waiting=waiting,
        control_chips=chips,
        control_slots=control_slots,
        workers=tuple(workers),
        edges={
            "kubectl": straight((middle, 25), (middle, gate.y - 2)),
            "etcd": straight((gate.x, gate.y + 31), (drum.right + 2, gate.y + 31)),
            "kube-controller-manager": _sideways((manager.x - 5, manager.y + 29), (left, gate.y + 25)),
            "kube-scheduler": _sideways((scheduler.x, scheduler.y + 35), (left, gate.y + 54)),
            "kubelet": curve(
                (chips[0].x, chips[0].cy),
                (middle + 0.9 * size.ports + 30, chips[0].cy),
                (middle + 0.9 * size.ports, chips[0].cy + 14),
                (middle + 0.9 * size.ports, gate.y - 2),
            ),
        },
    )


def _sideways(start: Point, tip: Point) -> Points:
    """An S from a box on the right to the gate."""
    half = (start[0] - tip[0]) / 2
    return curve(start, (start[0] - half, start[1]), (tip[0] + half, tip[1]), tip)


def _chips(right: float, y: float, widths: tuple[int, ...], gap: int, height: int) -> tuple[Rect, ...]:
    """Chips in a row that ends at `right`."""
    x = right - sum(widths) - gap * (len(widths) - 1)
    out = []
    for width in widths:
        out.append(Rect(x, y, width, height))
        x += width + gap
    return tuple(out)


def _worker(pixels: int, size: Size, cell: int, y: float, lines: int, gate: Rect, first: float) -> Worker:
    column, row = cell % COLUMNS, cell // COLUMNS
    w = (pixels - (COLUMNS - 1) * size.gap) // COLUMNS
    x = column * (w + size.gap)
    frame = Rect(x, y, w, 67 + 38 * lines - 8 + 13)
    inner = w - 24
    if size.pod > 70:
        chip = (inner - 14) // 3
        chips = tuple(Rect(x + 12 + n * (inner - chip) / 2, y + 35, chip, 20) for n in range(3))
    else:
        chips = _chips(x + w - 12, y + 35, (48, 76, inner - 136), 6, 20)
    gauge = (x + w - 12 - size.gauge, y + 20, size.gauge)
    room = w - 24 - size.gauge - 8 - (92 if size.pod > 70 else 30)
    kubelet = Rect(x + w / 2 - size.kubelet / 2, y - 11, size.kubelet, 22)
    return Worker(
        frame=frame,
        header=32,
        name=Text(x + 12, y + 23, "k-fh"),
        room=room,
        cpu=Text(gauge[0] - 8, y + 23, "k-num", "end"),
        gauge=gauge,
        kubelet=kubelet,
        chips=chips,
        slots=tuple(
            Rect(
                x + 12 + (n % size.per_row) * (size.pod + size.pod_gap), y + 67 + 38 * (n // size.per_row), size.pod, 30
            )
            for n in range(size.per_row * lines)
        ),
        edge=_to_gate(size, column, row, kubelet, gate, first, w),
    )


def _to_gate(size: Size, column: int, row: int, kubelet: Rect, gate: Rect, first: float, w: float) -> Points:
    """From a kubelet to its port under the gate; from the second row on, up the gutter between two columns."""
    start = (kubelet.cx, kubelet.y)
    floor = gate.bottom + 2
    if row == 0:
        port = gate.cx + (column - 1) * size.ports
        if port == start[0]:
            return straight(start, (port, floor))
        return curve(start, (start[0], start[1] - 28), (port, floor + 26), (port, floor))
    spread = 8 * row
    port = gate.cx + (-size.ports - spread, size.ports / 2 - 12 + spread, size.ports + spread)[column]
    gutter = (1 if column == 0 else 2) * w + (0.5 if column == 0 else 1.5) * size.gap
    gutter += (row - 2) * 4 if column == 0 else (row - 4) * 3 if column == 1 else (4 - row) * 3
    turn = start[1] - 12
    climb = route((start, (start[0], turn), (gutter, turn), (gutter, first - 26)))
    *path, end, _tip = climb
    return (*path, end, (gutter, first - 46), (port, floor + 26), (port, floor + 6), (port, floor))


def _tile(pixels: int, across: int, cell: int, y: float, lines: int, gate: Rect, first: float) -> Worker:
    """A small worker, for clusters of many."""
    column = cell % across
    w = (pixels - (across - 1) * 12) // across
    x = column * (w + 12)
    pod = (w - 16 - 9) // 4
    kubelet = Rect(x + w / 2 - 9, y - 4, 18, 8)
    gutter = x + w + 6 if column < across - 1 else x - 6
    turn = kubelet.y - 4
    start = (kubelet.cx, kubelet.y)
    *path, end, _tip = route((start, (start[0], turn), (gutter, turn), (gutter, first - 20)), 4)
    floor = gate.bottom + 2
    return Worker(
        frame=Rect(x, y, w, 27 + 21 * lines + 6),
        header=22,
        name=Text(x + 8, y + 17, "k-fh k-sm"),
        room=w - 16 - 36 - 6,
        cpu=Text(x + w - 8, y + 17, "k-num", "end"),
        gauge=(x + w - 8 - 36, y + 14, 36),
        kubelet=kubelet,
        chips=(),
        slots=tuple(Rect(x + 8 + (n % 4) * (pod + 3), y + 27 + 21 * (n // 4), pod, 18) for n in range(4 * lines)),
        edge=(*path, end, (gutter, first - 40), (gate.cx, floor + 24), (gate.cx, floor + 6), (gate.cx, floor)),
    )


def _stacked(rows: int, cells: int, pod_rows: tuple[int, ...], control_rows: int, dense: bool) -> Plate:
    """The phone's plate: the gate across the full width, workers under each other, a rail for each kubelet."""
    pixels = WIDTHS["narrow"]
    chips = _chips(pixels - 12, 43, (68, 60, 94, 94), 6, 20)
    control_slots = tuple(Rect(12 + 84 * (n % 4), 71 + 34 * (n // 4), 78, 26) for n in range(4 * control_rows))
    top = 72 + (34 * control_rows if control_rows else 0)
    drum = Rect(12, top, pixels - 24, 76 + 18 * rows)
    line = drum.bottom + 22
    manager = Rect(12, line, 162, 84)
    scheduler = Rect(184, line, 162, 84)
    gate = Rect(0, line + 84 + 24, pixels, 36)
    control = Rect(0, 13, pixels, gate.y + 18 - 13)
    first = gate.bottom + 12
    workers: list[Worker] = []
    y = first + (12 if dense else 0)
    across = columns("narrow", dense)
    rails = next((number for number in (3, 6, 12) if cells <= number), cells)
    for row, lines in enumerate(pod_rows):
        here = range(row * across, min((row + 1) * across, cells))
        if dense:
            workers += [_tile(pixels, across, cell, y, lines, gate, y) for cell in here]
        else:
            workers += [_low_worker(cell, y, lines, gate, rails) for cell in here]
        y = workers[-1].frame.bottom + 12 if here else y
    end = max((worker.frame.bottom for worker in workers), default=gate.bottom)
    middle = pixels / 2
    return Plate(
        width=pixels,
        height=int(end) + 2,
        kubectl=Rect(pixels - 70, 1, 70, 24),
        control=control,
        drum=drum,
        rows=(*(drum.y + 49 + 18 * n for n in range(rows)), drum.y + 55 + 18 * rows),
        gate=gate,
        gate_texts=(Text(12, gate.y + 23, "k-ap"), Text(pixels - 12, gate.y + 22, "k-aps", "end")),
        manager=manager,
        manager_x=manager.x + 12,
        manager_lines=3,
        scheduler=scheduler,
        waiting=tuple(Rect(scheduler.x + 10 + 66 * n, scheduler.y + 34, 60, 26) for n in range(2)),
        control_chips=chips,
        control_slots=control_slots,
        workers=tuple(workers),
        edges={
            "kubectl": straight((pixels - 6, 25), (pixels - 6, gate.y - 2)),
            "etcd": straight((middle, gate.y), (middle, drum.bottom + 2)),
            "kube-controller-manager": straight((manager.cx, manager.bottom), (manager.cx, gate.y - 2)),
            "kube-scheduler": straight((scheduler.cx, scheduler.bottom), (scheduler.cx, gate.y - 2)),
            "kubelet": route(((chips[0].x, chips[0].cy), (6, chips[0].cy), (6, gate.y - 2)), 6),
        },
    )


def _low_worker(cell: int, y: float, lines: int, gate: Rect, rails: int) -> Worker:
    x, w = 26, WIDTHS["narrow"] - 26
    kubelet, *chips = _chips(x + w - 8, y + 28, (68, 54, 82, 94), 6, 20)
    rail = 18.5 - cell * min(7.0, 15 / max(1, rails - 1))
    gauge = (x + w - 8 - 56, y + 17, 56)
    return Worker(
        frame=Rect(x, y, w, 56 + 34 * lines - 8 + 12),
        header=25,
        name=Text(x + 8, y + 18, "k-fh"),
        room=w - 16 - 56 - 8 - 88,
        cpu=Text(gauge[0] - 8, y + 18, "k-num", "end"),
        gauge=gauge,
        kubelet=kubelet,
        chips=tuple(chips),
        slots=tuple(Rect(x + 8 + (n % 5) * 64, y + 56 + 34 * (n // 5), 60, 26) for n in range(5 * lines)),
        edge=route(((kubelet.x, kubelet.cy), (rail, kubelet.cy), (rail, gate.bottom + 2)), 8),
    )
