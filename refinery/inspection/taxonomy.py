"""The closed set of inspection categories and items, and the issues of preference data mapped onto it."""

from typing import Literal

from pydantic import Field

from refinery.errors import RuleError
from refinery.inspection.reading import Strict

Title = dict[Literal["zh", "en"], str]


class Item(Strict):
    """One inspection item. `online`: at least one of its rules is meant to be directly executable."""

    online: bool = False
    means: str


class Category(Strict):
    """One category of the taxonomy."""

    title: Title
    items: dict[str, Item] = Field(min_length=1)


class Taxonomy(Strict):
    """Ten categories, 36 items, in the order that default priorities follow."""

    categories: dict[str, Category]

    @property
    def items(self) -> list[str]:
        """CATEGORY.item, in order."""
        return [f"{name}.{item}" for name, category in self.categories.items() for item in category.items]

    def place(self, item: str, where: str) -> int:
        """The item's place in the order; RuleError names the known words."""
        category, name = item.split(".", 1)
        if category not in self.categories:
            raise RuleError(
                f"{where}: unknown category {category}; known: {', '.join(self.categories)}; correct the id"
            )
        if item not in self.items:
            known = ", ".join(self.categories[category].items)
            raise RuleError(f"{where}: unknown item {name} of {category}; known: {known}; correct the id")
        return self.items.index(item)


class Issue(Strict):
    """One issue of preference data, and the items by which its bad cases are found."""

    title: Title
    items: list[str] = Field(min_length=1)


class Issues(Strict):
    """The eight issues of preference data (mission.md 2.3)."""

    issues: dict[str, Issue]
