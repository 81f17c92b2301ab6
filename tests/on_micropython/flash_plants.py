# SPDX-License-Identifier: Apache-2.0
# Bands with a bug planted in them, which the cuts must find.

from flash_story import GATEWAY, Life

from opaska_protocol import frame, reports


class CounterSavedAfterUse(Life):
    """The boot number is kept only once something was sent under it."""

    def next_boot(self):
        kept = self.storage.load("boot")
        self.unsaved = (int.from_bytes(kept, "big") if kept else 0) + 1
        return self.unsaved

    def deliver(self, reliable=False):
        super().deliver(reliable)
        self.storage.save("boot", self.unsaved.to_bytes(4, "big"))


class DeletedBeforeAnswer(Life):
    """A report is freed when it was sent, not when the gateway has answered."""

    def send(self, letter, boot, seq, reliable):
        super().send(letter, boot, seq, reliable)
        self.outbox.remove(boot, seq)


class SealedFreshOnRetry(Life):
    """What was not answered is sealed once more, under a new number, and that is sent."""

    def send(self, letter, boot, seq, reliable):
        super().send(letter, boot, seq, reliable)
        sealed = self.outbox.read(letter, boot, seq)
        if sealed and boot == self.channel.boot:
            body = GATEWAY.open(*frame.parse_up(sealed))
            self.reporter.keep(reports.ALARM, body)
            self.outbox.remove(boot, seq)
