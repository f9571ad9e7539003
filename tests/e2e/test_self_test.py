"""The server's own golden values against those of the tests."""

import golden
import pytest


def test_the_server_passes_on_every_device(client):
    result = client.self_test()

    assert result.passed, str(result)
    assert {device.device for device in result.devices} == set(client.info().devices)
    assert all(len(device.checks) > 100 for device in result.devices)


def test_its_values_are_those_of_independent_programs(client):
    checks = client.self_test().devices[0].checks
    scores = {check.measure: check.expected for check in checks if check.step == 0}
    ascents = {check.measure: check.expected for check in checks if check.step > 0}
    step = golden.ADAM_STEPS.index(5)

    for measure, expected in golden.SCORES.items():
        canonical = next(
            name for name in scores if name == measure or name.startswith(measure + "(")
        )
        assert scores[canonical] == pytest.approx(expected, abs=1e-14)
    assert sorted(ascents.values()) == sorted(
        values[step] for values in golden.ADAM.values()
    )
