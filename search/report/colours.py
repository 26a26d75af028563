"""Colours of the page, light and dark; figures for papers use the light ones."""

from __future__ import annotations

from collections.abc import Mapping

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "raised": "#f5f6f7",
    "ink": "#1b1f24",
    "muted": "#565f69",
    "rule": "#d8dde2",
    "accent": "#0b5cad",
    "rest": "#b3bac2",
    "series-1": "#1a66b0",
    "series-2": "#c2410c",
    "series-3": "#16783a",
    "series-4": "#7e3fb3",
    "series-5": "#8a6100",
    "own": "#eef0f2",
    "set-1": "#c9e0f5",
    "set-2": "#fbd8c3",
    "set-3": "#c9ead2",
    "set-4": "#e3d3f4",
    "set-5": "#f4e2a4",
    "set-6": "#c8e8ea",
}
DARK: Mapping[str, str] = {
    "paper": "#14171a",
    "raised": "#1d2125",
    "ink": "#e6e8ea",
    "muted": "#a5adb5",
    "rule": "#353b41",
    "accent": "#7db8f2",
    "rest": "#565f68",
    "series-1": "#6cb2f0",
    "series-2": "#f5925e",
    "series-3": "#66c985",
    "series-4": "#c79af2",
    "series-5": "#dfb241",
    "own": "#2a3036",
    "set-1": "#1d4a75",
    "set-2": "#75371a",
    "set-3": "#1e5733",
    "set-4": "#52307a",
    "set-5": "#5f4a0d",
    "set-6": "#1a5458",
}
N_SETS = sum(name.startswith("set-") for name in LIGHT)


def css() -> str:
    """CSS custom properties of the colours, light or dark as the reader's system is."""
    light, dark = (
        " ".join(f"--{name}: {value};" for name, value in scheme.items())
        for scheme in (LIGHT, DARK)
    )
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}"
    )


def series(number: int) -> str:
    """Name of the colour of curve ``number``, counted from 0."""
    return f"series-{number + 1}"


def weight_set(number: int | None) -> str:
    """Name of the fill colour of a shared weight set; ``number`` is None for an unshared one."""
    return "own" if number is None else f"set-{number % N_SETS + 1}"
