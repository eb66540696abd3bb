"""Faults put in force and taken back at run time."""

from typing import TYPE_CHECKING

from connector.simulator.asgi import RequestError
from connector.simulator.fault_kinds import AnyFault, RefuseConnections
from connector.simulator.faults import FaultsFullError

if TYPE_CHECKING:
    from connector.simulator.app import Simulator


def add_fault(simulator: "Simulator", fault: AnyFault) -> str:
    """Put a fault in force from now on; its id.

    Raises:
        RequestError: there are too many, or it would shut out the request that takes it back.
    """
    endless = fault.for_s is None and fault.count is None
    if isinstance(fault, RefuseConnections) and endless and fault.share == 1 and not simulator.has_side_door:
        message = "needs for_s: nobody could connect to take it back (or give the simulator an admin port)"
        raise RequestError(message)
    return put_fault(simulator, fault)


def put_fault(simulator: "Simulator", fault: AnyFault) -> str:
    """Put a fault in force that somebody will take back who needs no connection for it; its id.

    Raises:
        RequestError: there are too many.
    """
    try:
        fault_id = simulator.faults.add(fault, simulator.clock.monotonic())
    except FaultsFullError as error:
        raise RequestError(str(error)) from None
    simulator.faults_changed()
    return fault_id


def remove_fault(simulator: "Simulator", fault_id: str | None) -> dict[str, int]:
    """Take back one fault, or all.

    Raises:
        RequestError: there is no such fault.
    """
    if fault_id is None:
        removed = simulator.faults.clear()
    elif simulator.faults.remove(fault_id):
        removed = 1
    else:
        message = f"there is no fault {fault_id}"
        raise RequestError(message)
    simulator.faults_changed()
    return {"removed": removed}
