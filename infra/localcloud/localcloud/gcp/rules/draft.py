"""An object on its way into the store, as the rules see it."""

from dataclasses import dataclass
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """
    An object that would be stored.

    Attributes:
        path: Where.
        body: What; rules may fill in defaults that depend on other fields.
    """

    path: str
    body: dict[str, Any]

    @property
    def project(self) -> str:
        """Give the project that it belongs to."""
        return self.path.split("/")[1]

    def within(self, name: str, low: int, high: int) -> None:
        """
        Hold the number in field *name*, if set, to *low*..*high*.

        Raises:
            GoogleError: 400.
        """
        value = self.body.get(name)
        if value is not None and not low <= value <= high:
            raise out_of_range(f"resource.{name}", value, low, high)


def out_of_range(field: str, value: object, low: float, high: float) -> GoogleError:
    """Give the 400 for a number outside *low*..*high*."""
    return invalid(
        field,
        value,
        f"Must be greater than or equal to {low} and less than or equal to {high}",
    )
