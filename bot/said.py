"""What somebody said, as a conversation hears it: before it is counted and remembered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.prompt import whole
from storage.records import About, Attachment


@dataclass(frozen=True, slots=True)
class Said:
    """A message as it was said, before it is counted and remembered. Times are seconds since the Unix epoch."""

    message_id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    author_name: str = field(repr=False)
    content: str = field(repr=False)
    created_at: float
    parent_id: int | None = None
    attachments: tuple[Attachment, ...] = ()
    about: About | None = None

    @property
    def ids(self) -> set[int]:
        """The Discord ids by which it may be forgotten: its own, and that of what it is about."""
        return {self.message_id, self.about.message_id if self.about else self.message_id}

    @property
    def said_at(self) -> float:
        """How old it is: as old as what it is about."""
        return min(self.created_at, self.about.created_at if self.about else self.created_at)

    @property
    def text(self) -> str:
        """What the model sees of it: the words, and what is attached."""
        return "\n".join(filter(None, [whole(self.content), *(one.block for one in self.attachments)]))
