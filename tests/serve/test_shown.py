from types import SimpleNamespace

from gankit.contract import Rendering, Sample
from gankit.serve.shown import show


def test_a_mapping_of_single_values_is_shown_by_them_and_one_of_many_is_drawn():
    drawn = SimpleNamespace(render=lambda item, codec: Rendering("image/svg+xml", b"<svg/>"))
    one = show(Sample({"age": 3, "name": "x"}, 0, {}), drawn, None, "/a", True)
    assert (one.kind, one.values) == ("row", {"age": 3, "name": "x"})
    many = show(Sample({"visits": [1, 2]}, 0, {}), drawn, None, "/a", True)
    assert (many.kind, many.values) == ("image", {})
