# SPDX-License-Identifier: Apache-2.0
"""The gateway's sub-commands, one file each; cli.py is their table of contents."""
