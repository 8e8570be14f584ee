"""Contestants of the tests: they import nothing that takes time, and compute as they are told."""


def right(n, factor=1.0):
    return lambda: [factor / k for k in range(1, n + 1)]


def shorter(n):
    return right(n - 1)


def absent(n):
    import a_package_that_nobody_has  # noqa: F401


def broken(n):
    raise ZeroDivisionError
