"""The settings that the sweep does not change, by name."""

SETTINGS = {"gdcbf": {"steps": 3, "discount": 0.5}}
