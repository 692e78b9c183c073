"""The benchmark's report: medians, paired ratios, growth between sizes and whether it is borne."""

from benchmarks.measure import Result
from benchmarks.report import PLAIN, Size, report
from benchmarks.scale import Facts

MIB = 2**20
NAME = "refinery, 1 core"


def _size(num: int, seconds: dict[str, list[float]], memory: int = 100, **more) -> Size:
    rounds = [
        {name: Result(times[i], {}, times[i] + 1, (memory * MIB, 20 * MIB), **more) for name, times in seconds.items()}
        for i in range(len(next(iter(seconds.values()))))
    ]
    contents = {"conversations": num, "contents": num * 9 // 10, "duplicates": 3}
    return Size(Facts(num, 5_000_000, 9_000_000), contents, rounds)


def test_speed_is_the_median_of_paired_ratios():
    # medians 10 and 10 would give 1.00, as the pairs 2, 1 and 0.75 do; their mean would give 1.25
    text = report("about", [_size(100, {PLAIN: [8, 10, 30], NAME: [4, 10, 40]})])
    assert "| 100 | refinery, 1 core | 1.00 (0.75 to 2.00) |" in text
    assert "| 100 | refinery, 1 core | 10.0 (4.0 to 40.0) | 100000 | 10 | 11.0 | 100 (20) |" in text
    assert "- 100 conversations: 90.0% distinct contents, 3 set aside as exact duplicates; 5 MB of files, 9 MB" in text
    assert "against 1" not in text, "one size has not grown"


def test_growth_compares_seconds_a_conversation_and_peak_memory_of_the_two_largest():
    sizes = [_size(10, {NAME: [9, 9, 9]}), _size(100, {NAME: [10, 11, 12]}), _size(1000, {NAME: [120, 121, 122]}, 125)]
    text = report("about", sizes)
    assert "| 1,000 against 100 conversations |" in text
    # medians 121/1000 over 11/100 = 1.10; at least 120/1000 over 12/100, at most 122/1000 over 10/100
    assert "| refinery, 1 core | 1.10 (1.00 to 1.22) | 1.25 | holds |" in text


def test_growth_that_is_not_borne_is_said_in_bold_and_plain_is_left_out():
    slow = [_size(100, {NAME: [10], PLAIN: [10]}), _size(1000, {NAME: [126], PLAIN: [300]})]
    assert "| refinery, 1 core | 1.26 (1.26 to 1.26) | 1.00 | **does not hold** |" in report("about", slow)
    large = [_size(100, {NAME: [10]}), _size(1000, {NAME: [100]}, 131)]
    assert "| refinery, 1 core | 1.00 (1.00 to 1.00) | 1.31 | **does not hold** |" in report("about", large)
    assert "| plain, 1 core | 3.00" not in report("about", slow)


def test_the_seconds_of_passes_add_up_to_the_whole():
    text = report("about", [_size(100, {NAME: [9, 9]}, passes={"intake": 5.0, "stages": 8.0})])
    assert "- 100, refinery, 1 core, seconds by pass: intake 5.0, stages 3.0, publish 1.0" in text
