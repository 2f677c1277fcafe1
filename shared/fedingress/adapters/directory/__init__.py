"""Sources from a directory of YAML files, and reading such files."""

from fedingress.adapters.directory.documents import Document, Loaded, load
from fedingress.adapters.directory.journal import RecordedEvent
from fedingress.adapters.directory.sources import DirectorySources

__all__ = ["DirectorySources", "Document", "Loaded", "RecordedEvent", "load"]
