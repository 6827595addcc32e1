"""Windows of a device's memory: each keeps the peak of its own time."""

import threading

from penstock.kernel_api import Windows


def test_windows_overlap():
    windows = Windows()
    first = windows.begin(10)
    windows.grown(30)
    second = windows.begin(5)
    windows.grown(20)
    assert windows.end(first, 20) == 30
    windows.grown(25)
    assert windows.end(second, 7) == 25
    third = windows.begin(3)
    assert windows.end(third, 4) == 4


def test_any_thread_may_use_them():
    windows = Windows()
    outer = windows.begin(0)
    wrong = []

    def work(number: int) -> None:
        for i in range(200):
            window = windows.begin(0)
            windows.grown(number * 1000 + i)
            if windows.end(window, 0) < number * 1000 + i:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and windows.end(outer, 0) == 3199
