package dev.halcyon.backend.cpu.vector;

/// The vector width of this JVM, fixed by the first device that asks.
///
/// C2 turns vector code into instructions only where the species is a constant, so it is a `static
/// final` field of [Lanes], and a static field has one value a JVM.
final class Width {
    private static int chosen;

    private Width() {}

    static synchronized void choose(int bits) {
        if (chosen != 0 && chosen != bits) {
            throw new IllegalStateException(
                    "this JVM already uses vectors of "
                            + chosen
                            + " bits, a device with "
                            + bits
                            + " was asked for; start another JVM for it");
        }
        chosen = bits;
    }

    static synchronized int bits() {
        if (chosen == 0) {
            throw new IllegalStateException("no vector width was chosen");
        }
        return chosen;
    }
}
