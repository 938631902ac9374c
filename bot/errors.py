"""The exceptions that Mnemo raises on purpose, and nothing else.

::

    MnemoError
    ├── SettingsError           a variable is wrong: one sentence each; ends the program with 2
    ├── FatalError              the program cannot go on: one sentence for the host; ends it with 1
    └── UserFacingError         one sentence that a user may read: what happened, what to do
        ├── ModelError          the model gave no usable reply
        │   ├── ModelUnavailable    refused, reset, timed out, answered 5xx or something that is no reply
        │   ├── ModelBusy           answered 429
        │   ├── ModelRefused        answered 401, 402, 403 or 404: the host has to mend key, credit or model name
        │   ├── ModelDown           is left alone for a while, because it failed again and again
        │   ├── BudgetSpent         was not asked: no tokens are left for today
        │   ├── RequestRefused      answered another 4xx: it does not take this request
        │   ├── ContextOverflow     the prompt was longer than the model takes
        │   └── EmptyReply          finished without a word
        ├── OutOfBounds         a value is not one that may be set; nothing was changed
        ├── NotPermitted        the caller may not do this
        ├── OutdatedButton      what was pressed does nothing any more
        ├── FileProblem         an attached file cannot be used
        └── NothingToRestore    no closed epoch that holds anything is within its grace

    DeliveryError               Discord did not take what we wanted to show (never shown to a user: there is no way to)
    ├── FileRefused             Discord takes no file of ours there, and may well take words
    ├── ChannelClosed           for good: the channel is gone, or we may not speak or read there
    │   └── ChannelDeleted          the channel is gone
    └── MessageGone             the message to edit or delete is not there any more

Storage has a tree of its own (``storage/errors.py``), because it imports nothing of ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.ports import ReplyEnd
    from storage.records import Budget


class MnemoError(Exception):
    """The root of everything that this program raises on purpose."""


class SettingsError(MnemoError):
    """One or more settings are wrong.

    *sentences* holds one sentence for each, and each names its variable.
    """

    def __init__(self, sentences: tuple[str, ...]) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences


class FatalError(MnemoError):
    """The program cannot go on. Its text is the sentence that tells the host what to do."""


class UserFacingError(MnemoError):
    """Its text is one sentence that a user may read: what happened, and what to do."""


class ModelError(UserFacingError):
    """The model gave no usable reply. ``str()`` is for the user, *detail* for the host's log.

    *detail* never holds a key, a URL with credentials or a message's content.
    """

    def __init__(self, sentence: str, *, detail: str) -> None:
        super().__init__(sentence)
        self.detail = detail


class ModelUnavailable(ModelError):
    """The model could not be reached, broke off before its first word, or answered no reply at all."""


class ModelBusy(ModelError):
    """The model answered 429. *retry_after* is in seconds, None if it did not say."""

    def __init__(self, sentence: str, *, detail: str, retry_after: float | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.retry_after = retry_after


class ModelRefused(ModelError):
    """The endpoint refuses this key, this account or this model name; only the host can mend that."""


class ModelDown(ModelError):
    """The model failed again and again and is left alone for now. It is tried again, and who waits is told when."""


class BudgetSpent(ModelError):
    """The model was not asked, because *budget* has no tokens left for today; in *free_in* seconds it has."""

    def __init__(self, sentence: str, *, detail: str, budget: Budget, free_in: float) -> None:
        super().__init__(sentence, detail=detail)
        self.budget = budget
        self.free_in = free_in


class RequestRefused(ModelError):
    """The endpoint does not take this request, and may well take the next."""


class ContextOverflow(ModelError):
    """The prompt is longer than the model takes. *limit* is the model's context in tokens, None if it did not say."""

    def __init__(self, sentence: str, *, detail: str, limit: int | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.limit = limit


class EmptyReply(ModelError):
    """The model finished without a word. *end* says how, and what it was paid all the same; None if there was no end."""

    def __init__(self, sentence: str, *, detail: str, end: ReplyEnd | None = None) -> None:
        super().__init__(sentence, detail=detail)
        self.end = end


class OutOfBounds(UserFacingError):
    """A value is not one that may be set. Nothing was changed."""


class NotPermitted(UserFacingError):
    """The caller may not do this."""


class OutdatedButton(UserFacingError):
    """What was pressed does nothing any more, and never will again."""


class FileProblem(UserFacingError):
    """An attached file cannot be used, or only in part. Its sentence goes on after the file's name and a colon."""


class NothingToRestore(UserFacingError):
    """No closed epoch that holds anything is within its grace."""


class DeliveryError(MnemoError):
    """Discord did not take what we wanted to show."""


class FileRefused(DeliveryError):
    """We may not attach files there, or this one is too large. The same words without it may be taken."""


class ChannelClosed(DeliveryError):
    """The channel is gone, or we may not speak or read there; trying again is useless."""


class ChannelDeleted(ChannelClosed):
    """There is no such channel any more."""


class MessageGone(DeliveryError):
    """The message to edit or to delete is not there any more."""
