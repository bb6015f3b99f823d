"""Every test has one kind, and unit tests start no JVM."""

import pytest
from pyspark.sql import SparkSession
from tests.conftest import KINDS


def test_every_test_has_exactly_one_kind(request):
    kinds = {item.nodeid: [kind for kind in KINDS if item.get_closest_marker(kind)] for item in request.session.items}
    assert {name: marks for name, marks in kinds.items() if len(marks) != 1} == {}


def test_a_unit_test_cannot_build_a_session():
    with pytest.raises(RuntimeError, match="let the test use the fixture spark"):
        SparkSession.builder.getOrCreate()
