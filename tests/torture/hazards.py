"""Every hazard, by name."""

from types import ModuleType

from tests.torture import reading, saves, training
from tests.torture.hazard import Hazard

MODULES: tuple[ModuleType, ...] = (saves, reading, training)  # each with its HAZARDS
HAZARDS: dict[str, Hazard] = {
    hazard.name: hazard for module in MODULES for hazard in module.HAZARDS
}
