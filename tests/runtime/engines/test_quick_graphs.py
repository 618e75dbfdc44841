"""The patches of Beam: for one version only, and only while a graph runs."""

from contextlib import suppress

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms import userstate

from pipelines.errors import ServiceError
from pipelines.runtime.engines.quick_graphs import CHECKED_VERSION, quick_graphs


def patched():
    return userstate.get_dofn_specs, PipelineOptions.view_as, beam.Reshuffle.expand


def test_the_pinned_version_is_the_installed_one():
    assert beam.__version__ == CHECKED_VERSION


def test_beam_is_as_it_was_after_the_block():
    before = patched()
    with suppress(ZeroDivisionError), quick_graphs():
        assert not set(patched()) & set(before)
        raise ZeroDivisionError
    assert patched() == before


def test_another_version_of_beam_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr(beam, "__version__", "2.99.0")
    with pytest.raises(ServiceError, match=r"needs apache-beam .*, and 2\.99\.0 is installed: pip install"):
        quick_graphs().__enter__()
    assert userstate.get_dofn_specs.__module__ == "apache_beam.transforms.userstate"


def test_views_of_the_same_options_share_their_values():
    from apache_beam.options.pipeline_options import StandardOptions

    with quick_graphs():
        options = PipelineOptions([])
        options.view_as(StandardOptions).streaming = True
        assert options.view_as(StandardOptions).streaming is True
        assert PipelineOptions([]).view_as(StandardOptions).streaming is False
