"""Following the books fact by fact."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event
from typing import TYPE_CHECKING, Any

from eventsourcing.persistence import Notification, Subscription

if TYPE_CHECKING:
    from ledger.store.recorder import FactRecorder

LOOK_AGAIN_SECONDS = 0.2
"""How soon a save of another process is seen; those of this one wake us at once."""

BATCH_SIZE = 500


class FactSubscription(Subscription["FactRecorder"]):
    """Yields facts by position, as they are settled; waits for more until it is stopped."""

    def __init__(
        self, recorder: FactRecorder, gt: int | None = None, topics: Sequence[str] = ()
    ) -> None:
        super().__init__(recorder, gt, topics)
        self._position = gt or 0
        self._batch: list[Notification] = []
        self._woken = Event()
        recorder.on_append.append(self._woken.set)

    def __next__(self) -> Notification:
        """The next fact. Stops the iteration once `stop` was called."""
        while not self._has_been_stopped:
            self._woken.clear()
            if not self._batch:
                self._batch = self._following()
            if self._batch:
                notification = self._batch.pop(0)
                self._position = notification.id
                return notification
            self._woken.wait(LOOK_AGAIN_SECONDS)
        raise StopIteration

    def stop(self) -> None:
        """End the iteration, also one that waits in another thread."""
        super().stop()
        self._woken.set()

    def __exit__(self, *args: object, **kwargs: Any) -> None:
        super().__exit__(*args, **kwargs)
        self._recorder.on_append.remove(self._woken.set)

    def _following(self) -> list[Notification]:
        found = self._recorder.select_notifications(
            self._position, BATCH_SIZE, topics=self._topics, inclusive_of_start=False
        )
        return list(found)
