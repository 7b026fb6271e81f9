"""`errlock leaktest`, as a user runs it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from live_errlock import ERRLOCK
from on_terminal import on_a_terminal

from errlock.pipeline.cli import main

FEW = ["leaktest", "--slots", "event/extra", "--classes", "pii.email,secret.password", "--quick"]


def config(folder: Path, processors: str) -> str:
    file = folder / "errlock.yaml"
    ids = "[redact]" if processors else "[]"
    file.write_text(
        "receivers: { sentry: {} }\n"
        f"{processors}"
        "exporters: { debug: {} }\n"
        "service:\n  pipelines:\n    default:\n"
        f"      {{ receivers: [sentry], processors: {ids}, exporters: [debug] }}\n"
    )
    return str(file)


def results(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_no_leak_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(FEW) == 0
    assert "2 cases in 2 documents: no leak\n" in capsys.readouterr().out


def test_a_leak_is_exit_code_1_with_its_coordinates(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*FEW, "-c", config(tmp_path, "")]) == 1
    out = capsys.readouterr().out
    assert "leak  secret.password  event/extra  plain  " in out
    assert "2 cases in 2 documents: 2 leaks\n" in out


def test_the_policy_of_the_file_is_the_one_that_is_tested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path, "processors: { redact: { classes: { pii.email: keep } } }\n")
    assert main([*FEW, "-c", file, "--json"]) == 1
    leaks = results(capsys)["leaks"]
    assert [leak["class"] for leak in leaks] == ["pii.email"]
    assert leaks[0]["item"] == "event"
    assert leaks[0]["slot"] == "event/extra"


def test_classes_can_be_left_out(tmp_path: Path) -> None:
    file = config(tmp_path, "processors: { redact: { classes: { pii.email: keep } } }\n")
    assert main([*FEW, "-c", file, "--without", "pii.email"]) == 0


def test_json_has_the_matrix_and_the_neighbours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FEW, "--json", "--seed", "3"]) == 0
    found = results(capsys)
    assert found["seed"] == 3
    assert found["cases"] == 2
    assert found["matrix"]["secret.password"] == {"plain": {"cases": 1, "leaks": 0}}
    assert found["neighbours"]["lost"] == 0
    assert found["neighbours"]["count"] > 20


def test_lost_neighbours_fail_only_when_asked_and_then_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path, "processors: { redact: { selectors: { release: remove } } }\n")
    assert main([*FEW, "-c", file]) == 0
    assert "lost" not in capsys.readouterr().out
    assert main([*FEW, "-c", file, "--strict-neighbours"]) == 1
    assert "lost  event  shop@7.15.8  2\n" in capsys.readouterr().out
    assert main([*FEW, "-c", file, "--json"]) == 0
    assert (
        results(capsys)["neighbours"]["losses"] == [{"item": "event", "value": "shop@7.15.8"}] * 2
    )


def test_nothing_tested_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config(tmp_path, "processors: { redact: {}, filter: { drop: [{ type: [event] }] } }\n")
    text = Path(file).read_text().replace("[redact]", "[filter]")
    Path(file).write_text(text)
    assert main([*FEW, "-c", file]) == 1
    said = "2 cases not tested: their documents did not all go out (event)\n"
    assert said in capsys.readouterr().out
    assert main([*FEW, "-c", file, "--json"]) == 1
    assert results(capsys)["withheld_items"] == {"event": 2}


def test_the_rows_can_be_slots(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FEW, "--by", "slot"]) == 0
    assert "\nevent/extra  .  .\n" in capsys.readouterr().out


def test_what_is_not_tested_is_told_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*FEW, "--all"]) == 0
    out = capsys.readouterr().out
    assert "secret.known_value  only your policy knows these values\n" in out
    assert "a header's value stands in headers" not in out
    assert "it is no number\n" in out


def test_unknown_classes_and_slots_are_mistakes_in_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["leaktest", "--classes", "pii.emial"]) == 2
    assert capsys.readouterr().err == "no class 'pii.emial'; did you mean 'pii.email'?\n"
    assert main(["leaktest", "--slots", "event/exta"]) == 2
    assert capsys.readouterr().err == "no slot 'event/exta'; did you mean 'event/extra'?\n"
    assert main(["leaktest", "--classes", "custom.badge"]) == 2
    assert capsys.readouterr().err == "no case is left: these have no made-up values\n"


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_the_matrix_fits_into_the_terminal(columns: int) -> None:
    options = ["--quick", "--classes", "secret.connection_string"]
    shown = on_a_terminal([ERRLOCK, "leaktest", *options], COLUMNS=str(columns)).decode()
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown).splitlines()
    rows = [line for line in plain if re.match(r" {24,}[0-9 ]+$|secret", line)]
    heads = [int(number) for row in rows if row.startswith(" ") for number in row.split()]
    assert max(map(len, rows)) <= columns
    assert heads == list(range(1, len(heads) + 1))
    assert len(heads) > 30


def test_some_leaks_of_each_class_are_written_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = config(tmp_path, "")
    classes = ["financial.card", "pii.email", "secret.password"]
    chosen = ["--classes", ",".join(classes), "--slots", "event/extra,event/tags*"]
    assert main(["leaktest", "-c", file, *chosen]) == 1
    shown = [line.split()[1] for line in capsys.readouterr().out.splitlines() if "leak  " in line]
    assert (sorted(set(shown)), len(shown)) == (classes, 20)
    assert min(shown.count(class_) for class_ in classes) == 6
