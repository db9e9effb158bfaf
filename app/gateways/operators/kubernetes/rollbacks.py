"""The way back of a rollout: the version before, in the base, and nothing beside it.

Every function reads the current state first and repeats nothing, so that another worker can continue after a crash.
"""

from app.core.attempt import Ending, Outcome
from app.core.kubernetes import drift, replicas, update_strategy
from app.core.kubernetes.manifests import Object
from app.core.kubernetes.workloads import (
    REPLICAS,
    ROLLOUT_OF,
    ROOM_MADE,
    SET_REPLICAS,
    annotated,
    image_of,
    replicas_of,
)
from app.core.strategy.model import Shape
from app.gateways.operators.kubernetes import in_place, track_labels, traffic
from app.gateways.operators.kubernetes.capacity import Capacity
from app.gateways.operators.kubernetes.cluster import DEPLOYMENTS
from app.gateways.operators.kubernetes.errors import ClusterRefusedError
from app.gateways.operators.kubernetes.second_sets import (
    controls_size,
    grow_base,
    remove_second_sets,
    replicas_serving_beside,
)
from app.gateways.operators.kubernetes.workload import ClusterWorkload, StuckError


async def roll_back(workload: ClusterWorkload, shape: Shape) -> Outcome:
    """Bring back the version before, and remove what the rollout created."""
    try:
        base = await workload.base()
        if workload.restore(base) is None:
            await workload.log(f"{workload.description} was not changed by this deployment.")
            return Outcome(Ending.SUCCEEDED)
        if workload.is_in_place:
            return await in_place.roll_back(workload)
        await track_labels.resume(workload, base)
        return await _roll_back(workload, base, shape)
    except (StuckError, ClusterRefusedError) as error:
        return Outcome(Ending.FAILED, str(error))


async def _roll_back(workload: ClusterWorkload, base: Object, shape: Shape) -> Outcome:
    moved, image = workload.moved, image_of(base, workload.target.container)
    previous = moved.previous if moved else None
    images = (previous, workload.rollout.image, *(moved.images if moved else ()))
    fault = drift.image(base, workload.target.container, *images)
    leftover, floor, capacity = None, await replicas_serving_beside(workload), Capacity(workload, shape.total)
    ready = min(replicas_of(base), replicas.replica_status(base).available)
    if image == previous and replicas_of(base) >= shape.total and ready >= floor:
        await traffic.clear_share(workload, back=True)
        leftover = await traffic.switch_back(workload)
    is_sized = await controls_size(workload, workload.size_drift(base))
    size = moved.wanted if moved and is_sized else None
    if fault:
        await workload.log(f"WARN: {fault}.")
        workload.reports_drift = False
    else:
        await workload.save(image=image, images_before=())
    if not fault and previous and image != previous:
        await workload.log(f"Bringing {previous} back to {workload.name}.")
        await workload.set_image(previous, size if replicas_of(base) == 0 else None)
        await workload.wait_until_ready(workload.name, capacity.make_room)
    if size is not None and replicas_of(await workload.base()) < size:
        await grow_base(workload, size)
    await workload.scale_up_to(floor)
    await workload.wait_until_ready(workload.name, capacity.make_room)
    await traffic.clear_share(workload, back=True)
    leftover = await traffic.switch_back(workload) or leftover
    leftover = await remove_second_sets(workload) or leftover
    annotations = {ROLLOUT_OF: None, REPLICAS: None, SET_REPLICAS: None, ROOM_MADE: None}
    strategy = moved.manner if moved else None
    await workload.modify(
        DEPLOYMENTS,
        workload.name,
        lambda body: annotated(update_strategy.with_own_strategy(body, strategy), annotations),
    )
    await workload.rollout.store.save(None)
    return Outcome(Ending.LEFT, fault or leftover) if fault or leftover else Outcome(Ending.SUCCEEDED)
