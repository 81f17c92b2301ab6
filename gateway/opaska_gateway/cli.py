# SPDX-License-Identifier: Apache-2.0
"""The gateway's commands: a table of contents. `opaska` shows them beside its own."""

import typer

from opaska_gateway.commands import (
    bands,
    broker,
    cards,
    carers,
    cases,
    config,
    database,
    organisations,
    people,
    serve,
    services,
    status,
    visits,
)

app = typer.Typer()

app.command("serve")(serve.serve)
app.command("status")(status.status)
app.command("check-config")(config.check)
app.add_typer(config.app, name="config")
app.add_typer(bands.app, name="bands")
app.add_typer(people.app, name="people")
app.add_typer(carers.app, name="carers")
app.add_typer(cards.app, name="cards")
app.add_typer(visits.app, name="visits")
app.add_typer(services.app, name="services")
app.add_typer(cases.app, name="cases")
app.add_typer(organisations.app, name="organisations")
app.add_typer(broker.app, name="broker")
app.add_typer(database.app, name="database")
