# SPDX-License-Identifier: Apache-2.0
"""The steps of the pipeline; `pipeline.py` is their table of contents."""
