# SPDX-License-Identifier: Apache-2.0
"""AES-CCM-16-64-128 (RFC 3610: 13-byte nonce, 2-byte length, 8-byte tag) on either runtime."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ccm_aead import AeadCcm as Ccm
else:
    try:
        from .ccm_aead import AeadCcm as Ccm
    except ImportError:  # MicroPython
        from .ccm_small import SmallCcm as Ccm

TAG_SIZE = 8
NONCE_SIZE = 13

__all__ = ("NONCE_SIZE", "TAG_SIZE", "Ccm")
