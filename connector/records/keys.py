"""Record keys, and the slot a key belongs to."""

import functools
import hashlib
import hmac

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


def murmur2(data: bytes) -> int:
    """Kafka's murmur2 as Java computes it: a signed 32-bit number.

    Source: ``org.apache.kafka.common.utils.Utils.murmur2``, Apache Kafka 4.
    """
    h = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if len(data) > whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    h ^= h >> 15
    return h - (1 << 32) if h >> 31 else h


# A fleet has far fewer numbers; the bound is there because the keys of commands come from outside.
@functools.lru_cache(maxsize=16_384)
def slot_of(key: str, slots: int) -> int:
    """Home slot of a key: where the Java-compatible partitioner (``murmur2_random``) puts it.

    Args:
        key: Record key; for commands the phone number id.
        slots: Partitions of the topic, at least 1.
    """
    return (murmur2(key.encode("utf-8", "surrogatepass")) & 0x7FFFFFFF) % slots


def conversation_key(
    phone_number_id: str,
    *,
    user_id: str | None = None,
    wa_id: str | None = None,
    group_id: str | None = None,
    secret: bytes | None = None,
) -> str:
    """Key of a conversation: ``<phone_number_id>:<user>``.

    The user is the business-scoped user id, else the phone, else the group; facts that name nobody share one key.

    Args:
        phone_number_id: The business number.
        user_id: Business-scoped user id.
        wa_id: Phone number as WhatsApp id.
        group_id: Group id.
        secret: Given: the user is written as HMAC-SHA256 under this secret, in hex.
    """
    user = user_id or wa_id or group_id or ""
    if secret is not None:
        user = hmac.new(secret, user.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
    return f"{phone_number_id}:{user}"
