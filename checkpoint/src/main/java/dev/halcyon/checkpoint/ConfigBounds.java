package dev.halcyon.checkpoint;

/// The bounds of a configuration's numbers: far beyond every published model, far below what would
/// overflow an `int` index or a size in bytes.
final class ConfigBounds {
    /// Sizes of a row: hidden, latent, intermediate.
    static final int MOST_WIDTH = 1 << 20;

    /// Dimensions of one head.
    static final int MOST_HEAD_DIM = 1 << 14;

    static final int MOST_HEADS = 1 << 12;
    static final int MOST_LAYERS = 1 << 12;
    static final int MOST_EXPERTS = 1 << 16;
    static final int MOST_VOCABULARY = 1 << 24;
    static final int MOST_POSITIONS = 1 << 30;

    /// Rows of a projection, such as heads times head dimension.
    static final int MOST_ROWS = 1 << 24;

    private ConfigBounds() {}

    static void check(String key, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    key + " is " + value + ", not in " + least + " to " + most);
        }
    }

    static void width(String key, int value) {
        check(key, value, 1, MOST_WIDTH);
    }

    static void headDim(String key, int value) {
        check(key, value, 1, MOST_HEAD_DIM);
    }

    /// Checks a finite number in the open-closed interval `(above, most]`.
    static void number(String key, double value, double above, double most) {
        if (!(value > above && value <= most)) {
            throw new IllegalArgumentException(
                    key + " is " + value + ", not above " + above + " and at most " + most);
        }
    }
}
