"""Every hazard, by name."""

from types import ModuleType

from tests.torture.hazard import Hazard

MODULES: tuple[ModuleType, ...] = ()  # each with its HAZARDS
HAZARDS: dict[str, Hazard] = {
    hazard.name: hazard for module in MODULES for hazard in module.HAZARDS
}
