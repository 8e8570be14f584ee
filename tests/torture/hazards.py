"""Every hazard, by name."""

from types import ModuleType

from tests.torture import packing, reading, saves, signals, training
from tests.torture.hazard import Hazard

MODULES: tuple[ModuleType, ...] = (
    saves,
    reading,
    training,
    signals,
    packing,
)  # each with its HAZARDS
HAZARDS: dict[str, Hazard] = {
    hazard.name: hazard for module in MODULES for hazard in module.HAZARDS
}
