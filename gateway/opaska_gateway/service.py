# SPDX-License-Identifier: Apache-2.0
"""The gateway as one process: everything is built here, once, from Settings, and runs together."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from opaska_gateway import clock
from opaska_gateway.broker.access import reach_broker
from opaska_gateway.broker.keys import update_keys
from opaska_gateway.centre.failover import Centre
from opaska_gateway.context import Context
from opaska_gateway.errors import GatewayError
from opaska_gateway.health.answer import answering
from opaska_gateway.health.told import VERSION, Told, socket_of
from opaska_gateway.intake.mqtt import MqttAddress, MqttIntake
from opaska_gateway.logs import get_logger
from opaska_gateway.pipeline import Pipeline
from opaska_gateway.registry.notice import notice_changes
from opaska_gateway.store import only_gateway_on, open_store
from opaska_gateway.watch.forward_outbox import Forwarder
from opaska_gateway.watch.home_time import HomeTime
from opaska_gateway.watch.raise_falls import FallRaiser
from opaska_gateway.watch.retention import Retention
from opaska_gateway.watch.silent_bands import SilenceWatch

if TYPE_CHECKING:
    from collections.abc import Callable

    from opaska_gateway.broker.access import BrokerAccess
    from opaska_gateway.centre.settings import CentreSettings
    from opaska_gateway.settings import Settings
    from opaska_gateway.store import Store

log = get_logger()


class Stopped(Exception):
    """Somebody asked the gateway to stop."""


def _nothing() -> None:
    """What there is to do at ready, unless somebody says otherwise."""


async def serve(
    settings: Settings, stop: asyncio.Event, on_ready: Callable[[], None] = _nothing
) -> None:
    """Run until `stop` is set; `on_ready` is called when reports are taken."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.storage))
        stack.enter_context(only_gateway_on(settings.storage))
        access = await stack.enter_async_context(reach_broker(settings.broker))
        await _update_keys(settings, store)
        try:
            await _run(settings, store, access, stop, on_ready)
        except* Stopped:
            log.info("stopping")
    log.info("stopped")


async def _run(
    settings: Settings,
    store: Store,
    access: BrokerAccess,
    stop: asyncio.Event,
    on_ready: Callable[[], None],
) -> None:
    """The meeting place of all parts."""
    context = Context(store.database, store.vault)
    pipeline = Pipeline(context)
    address = MqttAddress(access.host, access.port, access.username, access.password)
    intake = MqttIntake(context, pipeline, address)
    centre = Centre(settings.centre, clock.now_ms)
    forwarder = Forwarder(context, centre)
    silence = SilenceWatch(
        context, settings.supervision, lambda: intake.hears and pipeline.sick is None
    )
    await context.resender.load()
    await context.bands.warm()
    tell = partial(_told, clock.monotonic_s(), pipeline, intake, centre)
    async with answering(socket_of(settings.storage), tell), asyncio.TaskGroup() as group:
        group.create_task(_until(stop))
        group.create_task(pipeline.run())
        group.create_task(centre.run())
        group.create_task(forwarder.run())
        group.create_task(FallRaiser(context, lambda: pipeline.sick).run())
        group.create_task(silence.run())
        group.create_task(HomeTime(context).run())
        group.create_task(Retention(context, settings.retention).run())
        group.create_task(notice_changes(store.database, partial(_look_again, context)))
        group.create_task(intake.run())
        await intake.ready.wait()
        _warn_of_the_centre(settings.centre)
        log.info(
            "ready",
            broker_host=access.host,
            broker_port=access.port,
            broker=settings.broker.kind,
            database=settings.storage.database_url or str(settings.storage.database_file),
        )
        on_ready()


def _warn_of_the_centre(centre: CentreSettings) -> None:
    """What works, and yet leaves an alarm without help."""
    if not centre.receiver:
        log.warning(
            "no_monitoring_centre",
            problem="alarms open cases here and reach nobody else; "
            "add a [[centre.receiver]] table to the settings",
        )
    for way in centre.receiver:
        if not way.trusted:
            log.warning(
                "centre_unprotected",
                receiver=way.name,
                problem="who stands between can hold an alarm back and forge the yes to it; set "
                "tls = true, or allow_plain = true if a VPN or an own line protects it",
            )


def _told(began_s: float, pipeline: Pipeline, intake: MqttIntake, centre: Centre) -> Told:
    """For `opaska status`."""
    return Told(
        version=VERSION,
        process_id=os.getpid(),
        for_s=clock.monotonic_s() - began_s,
        sick=pipeline.sick,
        links=intake.health(),
        receivers=centre.health(),
    )


async def _look_again(context: Context) -> None:
    await context.changed_elsewhere()
    log.debug("registry_changed")


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    raise Stopped


async def _update_keys(settings: Settings, store: Store) -> None:
    """Heal Mosquitto's keys at every start; when it fails the gateway runs all the same."""
    try:
        await update_keys(settings.broker, store)
    except GatewayError as error:
        log.warning("band_keys_not_written", problem=str(error))
