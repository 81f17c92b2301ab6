# SPDX-License-Identifier: Apache-2.0
# Orders of the gateway. Only those in ALLOWED are obeyed, none of which can keep an SOS from being
# sent, and only if a part of the band has come to take them. The number of an order is kept before
# it takes effect, so none takes effect twice. Zones alone come before their number: twice does no
# harm, and of zones that a power cut took nobody would ever hear.

from opaska_protocol.errors import BodyError
from opaska_protocol.orders import LOCATE, MEASURE, SETTINGS, ZONES
from opaska_protocol.reports import ORDER_REFUSED

from . import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_protocol.orders import Order

    from .band import Band

ALLOWED = (SETTINGS, LOCATE, ZONES, MEASURE)

_carry_out: "dict[int, Callable[[Order], None]]" = {}  # by kind, of the parts that there are


def take(kind: int, carry_out: "Callable[[Order], None]") -> None:
    """`carry_out(order)` obeys the orders of this kind; BodyError in it refuses one."""
    if kind not in ALLOWED:
        raise ValueError("kind %d is not allowed" % kind)
    _carry_out[kind] = carry_out


def obey(band: "Band", order: "Order") -> None:
    """Carry out a verified order, once; a refused one is reported and counts as seen."""
    if order.dseq <= band.last_dseq:
        return  # a repeat, or overtaken by a later one
    if order.kind == ZONES:
        _carry_out_now(band, order)
    if not state.save_dseq(band.storage, band.board.nvs, order.dseq):
        band.faults.note(ORDER_REFUSED, "dseq not kept")
        return
    band.last_dseq = order.dseq
    if order.kind != ZONES:
        _carry_out_now(band, order)
    if band.heartbeat:
        band.heartbeat.soon()


def _carry_out_now(band: "Band", order: "Order") -> None:
    carry_out = _carry_out.get(order.kind)
    try:
        if order.kind == SETTINGS:
            _change_settings(band, order)
        elif carry_out:
            carry_out(order)
        else:
            band.faults.note(ORDER_REFUSED, "kind %d" % order.kind)
    except BodyError as error:
        band.faults.note(ORDER_REFUSED, _what(order) + error.field)


def _what(order: "Order") -> str:
    """The same for each order of one version: a fault that is told once."""
    version = order.arguments.get(0)
    if order.kind == SETTINGS and isinstance(version, int):
        return "settings %d: " % version
    return "kind %d: " % order.kind


def _change_settings(band: "Band", order: "Order") -> None:
    band.settings.change(order.arguments)
    if not band.settings.save(band.storage):
        band.faults.note(band.storage.trouble or ORDER_REFUSED, "settings not kept")
    band.use_settings()
