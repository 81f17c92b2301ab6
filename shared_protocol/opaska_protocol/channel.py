# SPDX-License-Identifier: Apache-2.0
"""One band's sealed conversation, seen from either end. Keys are derived once and kept."""

from . import cbor, frame, seal
from .ccm_small import copy
from .errors import FrameError, SealError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .frame import UpHeader

_KEPT_KEYS = 4  # boot salts (or gateway salts) whose keys one end keeps: the present and a few old
_AAD_SIZE = 52  # bytes of the longest Enc_structure of an up frame
_ENVELOPE = 20  # bytes of COSE head, string head and tag, rounded up
_USUAL_FRAME = 224  # bytes; longer bodies get a buffer of MAX_FRAME


class _KeptKeys:
    """Derived ciphers by salt, the last few, and only those that opened something."""

    def __init__(self, derive: "Any", k_gen: bytes) -> None:
        self._derive = derive
        self._k_gen = k_gen
        self._kept: "list[tuple[bytes, seal.Ccm]]" = []

    def open(self, salt: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        for known, cipher in self._kept:
            if known == salt:
                return cipher.open(nonce, aad, ciphertext)
        cipher = seal.Ccm(self._derive(self._k_gen, salt))
        plaintext = cipher.open(nonce, aad, ciphertext)
        self._kept.insert(0, (salt, cipher))
        del self._kept[_KEPT_KEYS:]
        return plaintext


class BandChannel:
    """The band's end during one boot: seals reports, opens answers and orders.

    Sealing works in kept buffers: of one report only its finished frame goes on the heap.
    """

    def __init__(self, kid: bytes, generation: int, k_gen: bytes, boot: int, salt: bytes) -> None:
        header = frame.UpHeader(kid, generation, salt, boot, 0)  # refuses what no frame can carry
        self.kid = kid
        self.generation = generation
        self.boot = boot
        self.salt = salt
        self._prefix = header.aad[:-1]  # up to the seq, whose 0 is the last byte
        self._aad = bytearray(_AAD_SIZE)
        self._nonce = bytearray(seal.NONCE_SIZE)
        self._out = bytearray(_USUAL_FRAME)
        self._cipher = seal.Ccm(seal.derive_up_key(k_gen, salt))
        self._down = _KeptKeys(seal.derive_down_key, k_gen)

    def seal(self, seq: int, body: bytes) -> bytes:
        """The frame of `body`. Call once per seq: keep the bytes and resend those."""
        if not 0 <= seq <= frame.MAX_U32:
            raise FrameError("bad_header")
        size = len(body)
        if size + _AAD_SIZE + _ENVELOPE > frame.MAX_FRAME:
            raise FrameError("too_large")
        if size + _AAD_SIZE + _ENVELOPE > len(self._out):
            self._out = bytearray(frame.MAX_FRAME)
        seal.up_nonce_into(self._nonce, self.generation, self.boot, seq)
        aad_size = seal.up_context_into(self._aad, self._prefix, seq)
        at = frame.up_head_into(self._out, self._prefix, seq, size + seal.TAG_SIZE)
        copy(self._out, at, body, 0, size)
        self._cipher.seal_into(self._out, at, size, self._nonce, self._aad, aad_size)
        return bytes(memoryview(self._out)[: at + size + seal.TAG_SIZE])

    def open(self, data: bytes) -> bytes:
        """The verified body of a down frame for this band; ProtocolError with its reason."""
        header, ciphertext = frame.parse_down(data)
        if header.kid != self.kid or header.generation != self.generation:
            raise SealError("wrong_band")
        nonce = seal.down_nonce(header.generation, header.counter)
        aad = seal.enc_structure(header.aad)
        return self._down.open(header.salt, nonce, aad, ciphertext)


class GatewayChannel:
    """The gateway's end for one band and key generation, during one gateway process."""

    def __init__(self, kid: bytes, generation: int, k_gen: bytes, gateway_salt: bytes) -> None:
        self.kid = kid
        self.generation = generation
        self._up = _KeptKeys(seal.derive_up_key, k_gen)
        self._cipher = seal.Ccm(seal.derive_down_key(k_gen, gateway_salt))
        self._prefix = frame.DownHeader(kid, generation, gateway_salt, 0).aad[:-1]

    def open(self, header: "UpHeader", ciphertext: bytes) -> bytes:
        """The verified body of a parsed up frame; SealError with its reason."""
        if header.kid != self.kid or header.generation != self.generation:
            raise SealError("wrong_band")
        nonce = seal.up_nonce(header.generation, header.boot, header.seq)
        aad = seal.enc_structure(header.aad)
        return self._up.open(header.salt, nonce, aad, ciphertext)

    def seal(self, counter: int, body: bytes) -> bytes:
        """The down frame of `body`; `counter` must never repeat under this gateway salt."""
        if not 0 <= counter <= frame.MAX_U64:
            raise FrameError("bad_header")
        aad = self._prefix + cbor.encode(counter)
        nonce = seal.down_nonce(self.generation, counter)
        return frame.build(aad, self._cipher.seal(nonce, seal.enc_structure(aad), body))
