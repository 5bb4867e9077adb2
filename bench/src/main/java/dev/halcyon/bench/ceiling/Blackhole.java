package dev.halcyon.bench.ceiling;

/// Keeps the compiler from dropping a loop whose result nobody needs.
final class Blackhole {
    private static volatile float last;

    private Blackhole() {}

    static void consume(float value) {
        if (value == 0.123f) {
            last = value;
        }
    }

    static float last() {
        return last;
    }
}
