"""Experiments on one dataset: decoding, baselines, perturbations, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from repscore import _arrays, _convert, _convert_calibration, _convert_runs, _requests
from repscore._connection import Connection
from repscore._requests import DatasetLike, MeasureLike
from repscore.analyses import Baselines, Decodings, Perturbations
from repscore.calibration import Calibration, MeasureCalibration
from repscore.decoding import Decoding
from repscore.trace import RunInfo
from repscore.v1 import analysis_pb2, types_pb2


def _specs(measures: Iterable[str]) -> list[types_pb2.MeasureSpec]:
    return [types_pb2.MeasureSpec(id=id) for id in measures]


class AnalysisMethods(Connection):
    """The experiments on a dataset of a client.

    What depends on the dataset alone is computed once per version and kept by
    the server.
    """

    def decode(
        self,
        dataset: DatasetLike,
        candidate: Any = None,
        *,
        decoding: Decoding | None = None,
        components: Iterable[int] = (),
        repeats: int | None = None,
        device: str = "",
    ) -> Decodings:
        """How well labels can be read from a candidate and from the dataset.

        Args:
            dataset: The reference, with its labels.
            candidate: [n x p] or [time x condition x p] with the dataset's
                rows. Default: only the dataset is decoded.
            decoding: Labels, folds and penalty; default `Decoding()`.
            components: Numbers N: decode the dataset from its first N principal
                components.
            repeats: Repeats with the seeds seed, seed + 1, ..., 1 to 100;
                default 1.
            device: "auto" (default), "cpu" or for instance "cuda:0".

        Raises:
            InvalidInput: There is no such label, a label has a single class or
                one with fewer members than folds, or rows differ.
            NotFound: There is no such dataset.
        """
        counts = [int(count) for count in components]
        request = analysis_pb2.DecodeLabelsRequest(
            dataset=_requests.dataset_name(dataset),
            decoding=_requests.decoding_options(decoding or Decoding()),
            components=counts,
            device=device,
        )
        if candidate is not None:
            request.candidate.CopyFrom(_arrays.encode(candidate).tensor())
        if repeats is not None:
            request.repeats = repeats
        reply = self._call(
            lambda: self._analysis.DecodeLabels(request, timeout=self._timeout)
        )
        return Decodings(
            {
                found.label.label: _convert_calibration.label_decoding(found, counts)
                for found in reply.labels
            },
            notes=_convert.warnings(reply.notes),
            provenance=_convert.provenance(reply.provenance),
        )

    def baselines(
        self,
        dataset: DatasetLike,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        *,
        kinds: Iterable[str] = (),
        draws: int | None = None,
        seed: int = 0,
        device: str = "",
    ) -> Baselines:
        """Where condition averages, halves, shuffles and noise land on measures.

        Args:
            dataset: The reference.
            measures: One or several.
            kinds: "condition_average", "split_half", "condition_shuffle",
                "time_shuffle", "neuron_subsample", "noise", "surrogate";
                default: all that are defined for the dataset.
            draws: Of the random ones, 1 to 1000; default 10.
            seed: Of all draws.
            device: As in `decode`.

        Raises:
            InvalidInput: There is no such kind, or a parameter is out of range.
            NotFound: There is no such dataset or measure.
        """
        ids = _requests.measure_ids(measures)
        request = analysis_pb2.ComputeBaselinesRequest(
            dataset=_requests.dataset_name(dataset),
            measures=_specs(ids),
            kinds=kinds,
            seed=seed,
            device=device,
        )
        if draws is not None:
            request.draws = draws
        reply = self._call(
            lambda: self._analysis.ComputeBaselines(request, timeout=self._timeout)
        )
        return Baselines(
            {
                id: {
                    found.kind: _convert_calibration.landmark(found)
                    for found in message.landmarks
                }
                for id, message in zip(ids, reply.measures)
            },
            notes=_convert.warnings(reply.notes),
            provenance=_convert.provenance(reply.provenance),
            stored=reply.stored,
        )

    def perturb_components(
        self,
        dataset: DatasetLike,
        measures: MeasureLike | Iterable[MeasureLike] = "cka",
        *,
        components: int | None = None,
        draws: int | None = None,
        seed: int = 0,
        device: str = "",
    ) -> Perturbations:
        """What the loss of one principal component costs on measures.

        Every leading component in turn is replaced by a random direction of the
        same variance (Cloos et al. 2024, appendix B.3).

        Args:
            dataset: The reference.
            measures: One or several.
            components: Leading ones; default 10.
            draws: Random directions per component, 1 to 1000; default 10.
            seed: Of all draws.
            device: As in `decode`.

        Raises:
            InvalidInput: A parameter is out of range.
            NotFound: There is no such dataset or measure.
        """
        ids = _requests.measure_ids(measures)
        request = analysis_pb2.PerturbComponentsRequest(
            dataset=_requests.dataset_name(dataset),
            measures=_specs(ids),
            seed=seed,
            device=device,
        )
        if components is not None:
            request.components = components
        if draws is not None:
            request.draws = draws
        reply = self._call(
            lambda: self._analysis.PerturbComponents(request, timeout=self._timeout)
        )
        return Perturbations(
            {
                id: tuple(
                    _convert_calibration.component_perturbation(found)
                    for found in message.components
                )
                for id, message in zip(ids, reply.measures)
            },
            provenance=_convert.provenance(reply.provenance),
            stored=reply.stored,
        )

    def calibrate(
        self,
        dataset: DatasetLike,
        plan: Calibration | MeasureLike | Iterable[MeasureLike],
    ) -> list[RunInfo]:
        """Starts the runs that tell what scores mean, and returns at once.

        What is there already is not computed again. Follow the runs with
        `watch`; afterwards `score` with `Context(calibration=True)` reads them.

        Args:
            dataset: The reference.
            plan: A plan, or only its measures.

        Returns:
            One run per measure, running or finished.

        Raises:
            InvalidInput: A measure has no gradient, or a parameter is out of
                range.
            NotFound: There is no such dataset or measure.
            Busy: Too many runs are waiting.
        """
        if not isinstance(plan, Calibration):
            plan = Calibration(tuple(_requests.measure_ids(plan)))
        request = analysis_pb2.CalibrateDatasetRequest(
            dataset=_requests.dataset_name(dataset),
            plan=_requests.calibration_plan(plan),
        )
        reply = self._call(
            lambda: self._analysis.CalibrateDataset(request, timeout=self._timeout)
        )
        return [_convert_runs.run(run) for run in reply.runs]

    def calibration(
        self,
        dataset: DatasetLike,
        measures: MeasureLike | Iterable[MeasureLike] = (),
    ) -> Mapping[str, MeasureCalibration]:
        """What scores mean, from all finished runs that calibrate a dataset.

        Args:
            dataset: The reference.
            measures: Default: every measure that there are runs of.

        Returns:
            Calibrations by measure as asked for, else by canonical
            specification.

        Raises:
            NotFound: There is no such dataset or measure, or no finished run of
                a measure.
        """
        ids = _requests.measure_ids(measures)
        request = analysis_pb2.GetCalibrationRequest(
            dataset=_requests.dataset_name(dataset), measures=_specs(ids)
        )
        reply = self._call(
            lambda: self._analysis.GetCalibration(request, timeout=self._timeout)
        )
        keys = ids or [message.measure for message in reply.measures]
        return {
            key: _convert_calibration.measure_calibration(message)
            for key, message in zip(keys, reply.measures)
        }
