"""The packages of the wheel; everything else is declared in setup.cfg."""

from setuptools import find_packages, setup

OURS = find_packages(include=["adaloss*", "runners*", "analysis*"])
setup(packages=[*OURS, "adaloss.grids"])
