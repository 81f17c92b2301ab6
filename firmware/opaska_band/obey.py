# SPDX-License-Identifier: Apache-2.0
# Orders of the gateway. Only those in ALLOWED are obeyed, none of which can keep an SOS from being
# sent. The number of an order is kept before it takes effect, so none takes effect twice.

from opaska_protocol.errors import BodyError
from opaska_protocol.orders import SETTINGS
from opaska_protocol.reports import ORDER_REFUSED

from . import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from opaska_protocol.orders import Order

    from .band import Band


def obey(band: "Band", order: "Order") -> None:
    """Carry out a verified order, once; a refused one is reported and counts as seen."""
    if order.dseq <= band.last_dseq:
        return  # a repeat, or overtaken by a later one
    carry_out = ALLOWED.get(order.kind)
    if not state.save_dseq(band.storage, band.board.nvs, order.dseq):
        band.faults.note(ORDER_REFUSED, "dseq not kept")
        return
    band.last_dseq = order.dseq
    if carry_out is None:
        band.faults.note(ORDER_REFUSED, "kind %d" % order.kind)
        return
    try:
        carry_out(band, order)
    except BodyError:
        band.faults.note(ORDER_REFUSED, "arguments of kind %d" % order.kind)


def _change_settings(band: "Band", order: "Order") -> None:
    band.settings.change(order.arguments)
    if not band.settings.save(band.storage):
        band.faults.note(band.storage.trouble or ORDER_REFUSED, "settings not kept")
    band.use_settings()


ALLOWED = {SETTINGS: _change_settings}
