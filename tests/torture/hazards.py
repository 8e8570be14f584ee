"""Every hazard, by name."""

from types import ModuleType

from tests.torture import downloads, images, packing, reading, saves, signals, tables, training
from tests.torture.hazard import Hazard

# Each has its HAZARDS.
MODULES: tuple[ModuleType, ...] = (
    images,
    saves,
    reading,
    training,
    signals,
    packing,
    downloads,
    tables,
)
HAZARDS: dict[str, Hazard] = {
    hazard.name: hazard for module in MODULES for hazard in module.HAZARDS
}
