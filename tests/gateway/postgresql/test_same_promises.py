# SPDX-License-Identifier: Apache-2.0
"""What is promised on SQLite holds on PostgreSQL: the same tests, on a real server.

Chosen is what leans on the database: unique keys, turns of writers, leases, locks, times, the
widths of columns, deletion.
"""

from tests.gateway.database.test_audit import test_an_untouched_chain_holds
from tests.gateway.database.test_engine import (
    test_both_kinds_of_writers_take_turns,
    test_what_fails_leaves_nothing,
)
from tests.gateway.database.test_refused import (
    small_cap,
    test_all_unknown_bands_share_one_cap,
    test_frames_beyond_the_cap_are_counted_by_reason,
)
from tests.gateway.health.test_records import (
    test_a_case_that_nobody_takes_and_an_alarm_that_does_not_leave_need_a_human,
    test_a_fall_that_nobody_raises_needs_a_human,
    test_a_silent_band_counts_until_the_centre_knows_of_it,
    test_frames_are_refused_by_reason_and_a_real_band_is_named,
)
from tests.gateway.pipeline.test_cells import test_two_cells_store_a_report_once
from tests.gateway.pipeline.test_desk import (
    test_every_change_has_its_line_in_the_audit,
    test_taking_and_closing_are_felt_for_every_alarm_of_the_case,
)
from tests.gateway.steps.test_dedupe import (
    test_another_frame_under_the_same_id_in_one_batch_is_a_clash,
    test_copies_in_one_batch_are_stored_once_and_answered,
)
from tests.gateway.steps.test_note_visit import (
    test_a_card_that_proves_its_readings_is_verified,
    test_of_two_gateways_on_one_database_one_lets_a_reading_count,
    test_planned_visit_comes_with_stored_and_with_each_repeat,
)
from tests.gateway.steps.test_note_wear import (
    test_heartbeats_and_changes_are_kept_and_repeats_are_not,
    test_numbers_that_cannot_be_are_left_aside,
)
from tests.gateway.steps.test_settings import test_a_version_that_the_band_reports_is_ordered_once
from tests.gateway.steps.test_store import (
    test_a_repeat_after_a_restart_of_the_gateway_is_recognised,
    test_a_report_that_is_dated_back_goes_to_who_wore_the_band_then,
    test_numbers_at_the_edge_of_the_wire_are_stored,
    test_the_centre_hears_of_an_alarm_again_when_another_wearer_pressed,
)
from tests.gateway.steps.test_visit_fuzz import test_any_fields_of_a_visit_or_its_test_are_stored
from tests.gateway.watch.test_forward_outbox import (
    test_a_lease_keeps_a_row_from_others_until_it_ends,
)
from tests.gateway.watch.test_raise_falls import test_two_gateways_raise_a_fall_once
from tests.gateway.watch.test_retention import (
    test_a_refused_frame_is_kept_for_its_days_and_its_count_stays,
    test_everyday_reports_lose_what_they_said_and_their_copies_are_still_repeats,
)

__all__ = [
    "small_cap",
    "test_a_card_that_proves_its_readings_is_verified",
    "test_a_case_that_nobody_takes_and_an_alarm_that_does_not_leave_need_a_human",
    "test_a_fall_that_nobody_raises_needs_a_human",
    "test_a_lease_keeps_a_row_from_others_until_it_ends",
    "test_a_refused_frame_is_kept_for_its_days_and_its_count_stays",
    "test_a_repeat_after_a_restart_of_the_gateway_is_recognised",
    "test_a_report_that_is_dated_back_goes_to_who_wore_the_band_then",
    "test_a_silent_band_counts_until_the_centre_knows_of_it",
    "test_a_version_that_the_band_reports_is_ordered_once",
    "test_all_unknown_bands_share_one_cap",
    "test_an_untouched_chain_holds",
    "test_another_frame_under_the_same_id_in_one_batch_is_a_clash",
    "test_any_fields_of_a_visit_or_its_test_are_stored",
    "test_both_kinds_of_writers_take_turns",
    "test_copies_in_one_batch_are_stored_once_and_answered",
    "test_every_change_has_its_line_in_the_audit",
    "test_everyday_reports_lose_what_they_said_and_their_copies_are_still_repeats",
    "test_frames_are_refused_by_reason_and_a_real_band_is_named",
    "test_frames_beyond_the_cap_are_counted_by_reason",
    "test_heartbeats_and_changes_are_kept_and_repeats_are_not",
    "test_numbers_at_the_edge_of_the_wire_are_stored",
    "test_numbers_that_cannot_be_are_left_aside",
    "test_of_two_gateways_on_one_database_one_lets_a_reading_count",
    "test_planned_visit_comes_with_stored_and_with_each_repeat",
    "test_taking_and_closing_are_felt_for_every_alarm_of_the_case",
    "test_the_centre_hears_of_an_alarm_again_when_another_wearer_pressed",
    "test_two_cells_store_a_report_once",
    "test_two_gateways_raise_a_fall_once",
    "test_what_fails_leaves_nothing",
]
