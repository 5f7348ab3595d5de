"""The settings of alerts as a YAML file: ``alerts.yaml``, or any other name."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import yaml

from truffle.alerts.settings import AlertSettings, SettingsError
from truffle.alerts.settings_parser import parse_settings

MAX_DEPTH: Final = 50
"""Deeper than any setting; Python's own limit depends on the caller."""


class _TooDeep(yaml.YAMLError):
    """Lists and objects are nested more than MAX_DEPTH deep."""


class _Loader(yaml.SafeLoader):
    """A loader for which a duplicate key is an error; PyYAML itself uses its last value."""

    def __init__(self, stream: bytes | str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self._depth > MAX_DEPTH:
            raise _TooDeep
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                text = f"duplicate key {key.value!r}"
                raise yaml.constructor.ConstructorError(None, None, text, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """Keep an invalid date as text, so that the problem names its location."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _Loader.construct_yaml_timestamp)


def read_alerts(path: Path) -> AlertSettings:
    """Read the settings in a file; an empty one has no destinations.

    Raises:
        SettingsError: the file is not valid YAML, or its content is invalid.
        OSError: the file cannot be read.
    """
    return parse_alerts(path.read_bytes())


def parse_alerts(content: bytes | str) -> AlertSettings:
    """Parse the settings in a file's content. Raises SettingsError."""
    try:
        raw = yaml.load(content, _Loader)
    except _TooDeep:
        raise SettingsError(["the file is nested too deeply"]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError([f"the file is not valid YAML: {_where(error)}"]) from error
    return parse_settings({} if raw is None else raw)


def _where(error: Exception) -> str:
    """The line, the column and the cause, without the text of the file."""
    mark = getattr(error, "problem_mark", None)
    cause = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {cause}" if mark else cause
