# SPDX-License-Identifier: Apache-2.0
"""`python -m opaska_gateway`: the gateway's commands without the rest of `opaska`."""

from opaska_gateway.cli import app

app(prog_name="opaska")
