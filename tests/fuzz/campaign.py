"""Many damaged bodies against one ingress: a run of the fuzzer."""

import asyncio
import hashlib
import random
from pathlib import Path

from tests.fuzz import shapes
from tests.fuzz.mutations import Mutant, mutate
from tests.fuzz.oracle import Oracle

CORPUS = Path(__file__).parent / "corpus"


def drawn(seed: int, number: int) -> Mutant:
    """The body with this number."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - a failing body can be made again
    return mutate(shapes.body(chance), chance)


async def _try(seed: int, begin: int, count: int) -> list[str]:
    oracle = Oracle()
    broken: list[str] = []
    for number in range(begin, begin + count):
        mutant = drawn(seed, number)
        try:
            await oracle.check(mutant)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            name = hashlib.sha256(mutant.body).hexdigest()[:16]
            (CORPUS / f"{name}.body").write_bytes(mutant.body)
            broken.append(f"seed {seed}, number {number}: {type(error).__name__}: {error} ({name}.body)")
    return broken


def run_chunk(chunk: tuple[int, int, int]) -> list[str]:
    """Try some bodies: seed, first number, how many. What broke, a line each."""
    return asyncio.run(_try(*chunk))
