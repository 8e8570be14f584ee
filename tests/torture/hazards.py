"""Every hazard, by name."""

from types import ModuleType

from tests.torture import (
    archives,
    arrays,
    bombs,
    downloads,
    images,
    packing,
    pickles,
    reading,
    saves,
    signals,
    tables,
    training,
)
from tests.torture.hazard import Hazard

# Each has its HAZARDS.
MODULES: tuple[ModuleType, ...] = (
    images,
    bombs,
    saves,
    reading,
    training,
    signals,
    packing,
    downloads,
    tables,
    arrays,
    pickles,
    archives,
)
HAZARDS: dict[str, Hazard] = {
    hazard.name: hazard for module in MODULES for hazard in module.HAZARDS
}
