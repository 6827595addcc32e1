"""The colours of pictures, light and dark, as CSS variables.

One place for them: the static SVG and the page use the same sheet. A picture follows the reader's
system, or what the notebook around it says (JupyterLab, VS Code), or the page's own switch.
"""

from __future__ import annotations

DEVICES = 10  # colours before they repeat

_LIGHT = {
    "paper": "#fbfcfd",
    "panel": "#ffffff",
    "ink": "#1d2733",
    "soft": "#5b6877",
    "faint": "#d5dce4",
    "inside": "#5b6877",
    "wire": "#8a97a6",
    "control": "#a9b3bf",
    "transfer": "#c2410c",
    "hot": "#0b63ce",
    "new": "#1a8f4c",
    "changed": "#b7791f",
    "gone": "#cf3a3a",
    "none": "#7b8794",
}
_DARK = {
    "paper": "#14181e",
    "panel": "#1b2129",
    "ink": "#e6ebf1",
    "soft": "#9aa7b5",
    "faint": "#343d48",
    "inside": "#8b98a7",
    "wire": "#6b7785",
    "control": "#4f5a67",
    "transfer": "#fb923c",
    "hot": "#6cb2ff",
    "new": "#4ade80",
    "changed": "#fbbf24",
    "gone": "#f87171",
    "none": "#8b98a7",
}
_DEVICES_LIGHT = (
    *("#3b6fb6", "#2a8f6d", "#b4652a", "#8a55b0", "#b8405e"),
    *("#5f7a1f", "#1f8a99", "#9a6b1f", "#6a6fc4", "#a3477f"),
)
_DEVICES_DARK = (
    *("#74a7ee", "#52c79c", "#e59a5c", "#c08fe6", "#ee7d98"),
    *("#a5c456", "#4fc3d4", "#d6a550", "#9da2f2", "#df86ba"),
)


def sheet() -> str:
    """Return the rules that set the variables for every surrounding."""
    light = _rules(_LIGHT, _DEVICES_LIGHT)
    dark = _rules(_DARK, _DEVICES_DARK)
    lights = '[data-jp-theme-light="true"] .penstock, .vscode-light .penstock'
    darks = '[data-jp-theme-light="false"] .penstock, .vscode-dark .penstock'
    return (
        f".penstock{{{light}}}\n"
        f"@media (prefers-color-scheme: dark){{.penstock{{{dark}}}}}\n"
        f'{lights}, .penstock[data-theme="light"]{{{light}}}\n'
        f'{darks}, .penstock[data-theme="dark"]{{{dark}}}\n'
    )


def dark_paper() -> str:
    """Return the background of the dark theme, by which scripts know it."""
    return _DARK["paper"]


def _rules(colours: dict[str, str], devices: tuple[str, ...]) -> str:
    pairs = [f"--{name}:{value}" for name, value in colours.items()]
    pairs += [f"--d{i}:{value}" for i, value in enumerate(devices)]
    return ";".join(pairs)
