"""Files of finished rows: what a killed step left is read back whole."""

import json

from offmodel.models.streaming import read_finished


def test_completions_with_unicode_line_separators_are_read_back(tmp_path):
    said = "one\u2028two\u0085three\u2029"
    path = tmp_path / "finished.jsonl"
    path.write_text(json.dumps({"id": "a", "completion": said}, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_finished(path) == {"a": {"completion": said}}


def test_a_line_cut_short_by_a_kill_is_dropped_from_the_file(tmp_path):
    path = tmp_path / "finished.jsonl"
    path.write_text('{"id": "a", "n": 1}\n{"id": "b", "n', encoding="utf-8")
    assert read_finished(path) == {"a": {"n": 1}}
    assert path.read_text(encoding="utf-8") == '{"id": "a", "n": 1}\n'
