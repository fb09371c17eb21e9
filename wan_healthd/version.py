"""The one version of the product; pyproject.toml reads it from here."""

__version__ = "0.1.0"
