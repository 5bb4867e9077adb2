package dev.halcyon.tck.oracle;

/// The checks that an array has the size that its dimensions say, with the values in the message.
final class Shapes {
    private Shapes() {}

    static void require(String what, int actual, int... dimensions) {
        long expected = 1;
        StringBuilder text = new StringBuilder();
        for (int dimension : dimensions) {
            if (dimension < 0) {
                throw new IllegalArgumentException(what + " has a negative dimension " + dimension);
            }
            expected *= dimension;
            text.append(text.isEmpty() ? "" : " x ").append(dimension);
        }
        if (actual != expected) {
            throw new IllegalArgumentException(
                    what + " must have " + text + " elements, but there are " + actual);
        }
    }

    static void require(String what, Rows actual, int rows, int columns) {
        if (actual.rows() != rows || actual.columns() != columns) {
            throw new IllegalArgumentException(
                    what
                            + " must be "
                            + rows
                            + " x "
                            + columns
                            + ", but it is "
                            + actual.rows()
                            + " x "
                            + actual.columns());
        }
    }

    static int quotient(String what, int elements, int width) {
        if (width < 1 || elements % width != 0) {
            throw new IllegalArgumentException(
                    what
                            + " has "
                            + elements
                            + " elements, which is not a number of rows of "
                            + width);
        }
        return elements / width;
    }
}
