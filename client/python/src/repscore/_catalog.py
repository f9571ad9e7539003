"""Datasets: register, look up, delete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from repscore import _arrays, _convert, _requests
from repscore._connection import Connection
from repscore._requests import DatasetLike
from repscore.calibration import Calibration
from repscore.models import Axis, Dataset
from repscore.v1 import catalog_pb2

_PAGE_SIZE = 1000


class CatalogMethods(Connection):
    """The dataset methods of a client."""

    def register(
        self,
        name: str,
        array: Any,
        *,
        axes: Sequence[str | Axis] | None = None,
        time_ms: Iterable[float] | None = None,
        labels: Mapping[str, Iterable[Any]] | None = None,
        groups: Mapping[str, Iterable[Any]] | None = None,
        row_ids: Iterable[Any] | None = None,
        display_name: str = "",
        description: str = "",
        citation: str = "",
        metadata: Mapping[str, str] | None = None,
        calibrate: Calibration | None = None,
    ) -> Dataset:
        """Registers a reference dataset, or finds it when it is there already.

        Other content under the same name becomes its next version; nothing is
        ever overwritten.

        Args:
            name: 1 to 63 of a-z, 0-9, "-", "_" and ".", for instance "m1-reach".
            array: [n], [n x q] or [time x condition x q].
            axes: One name ("time", "condition", "sample", "feature") or `Axis`
                per dimension. Default: (sample, feature), or (time, condition,
                feature) for three dimensions.
            time_ms: Times in ms, one per index of the time axis.
            labels: For every label one value per condition (or sample).
            groups: As labels, for partitions such as sessions.
            row_ids: Identity of every condition (or sample), for instance
                stimulus ids. Rows with equal ids are repetitions: scores
                compare with their average, ceilings with their halves.
            display_name: A name for people.
            description: Anything.
            citation: What to cite when using it.
            metadata: Further texts by key.
            calibrate: Runs to start in the background that tell what scores on
                this dataset mean; see `calibration`.

        Raises:
            InvalidInput: The name, shape, axes, labels or row ids do not fit
                together, or an entry is NaN or infinite.
            CorruptData: The bytes changed on the way.
        """
        encoded = _arrays.encode(array)
        header = _requests.dataset_header(
            name,
            encoded,
            axes=axes,
            time_ms=time_ms,
            labels=labels,
            groups=groups,
            ids=row_ids,
            metadata=catalog_pb2.DatasetMetadata(
                display_name=display_name,
                description=description,
                citation=citation,
                attributes=metadata or {},
            ),
            calibration=_requests.calibration_plan(calibrate) if calibrate else None,
        )
        reply = self._call(
            lambda: self._catalog.RegisterDataset(
                _requests.registration(header, encoded), timeout=self._timeout
            )
        )
        return _convert.dataset(reply.dataset, reply.already_registered)

    def datasets(self) -> list[Dataset]:
        """The latest version of every dataset, by name."""
        found: list[Dataset] = []
        request = catalog_pb2.ListDatasetsRequest(page_size=_PAGE_SIZE)
        while True:
            reply = self._call(
                lambda: self._catalog.ListDatasets(request, timeout=self._timeout)
            )
            found.extend(_convert.dataset(dataset) for dataset in reply.datasets)
            if not reply.next_page_token:
                return found
            request.page_token = reply.next_page_token

    def dataset(self, dataset: DatasetLike) -> Dataset:
        """One dataset.

        Raises:
            NotFound: There is no such dataset or version.
        """
        request = catalog_pb2.GetDatasetRequest(name=_requests.dataset_name(dataset))
        reply = self._call(
            lambda: self._catalog.GetDataset(request, timeout=self._timeout)
        )
        return _convert.dataset(reply.dataset)

    def delete(self, dataset: DatasetLike) -> None:
        """Deletes one version, or all versions when only the id is given.

        Raises:
            NotFound: There is no such dataset or version.
        """
        request = catalog_pb2.DeleteDatasetRequest(name=_requests.dataset_name(dataset))
        self._call(lambda: self._catalog.DeleteDataset(request, timeout=self._timeout))
