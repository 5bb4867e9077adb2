package dev.halcyon.tck.format;

/// The check that an array has as many elements as its dimensions say.
final class Sizes {
    private Sizes() {}

    static void require(String what, int actual, int rows, int columns) {
        if (rows < 0 || columns < 0 || actual != (long) rows * columns) {
            throw new IllegalArgumentException(
                    what
                            + " must have "
                            + rows
                            + " x "
                            + columns
                            + " elements, but there are "
                            + actual);
        }
    }
}
