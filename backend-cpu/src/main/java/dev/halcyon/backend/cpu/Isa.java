package dev.halcyon.backend.cpu;

import java.util.Locale;

/// Which inner loops run: plain Java, or the Vector API at one of three widths.
public enum Isa {
    /// Plain Java; needs no module and no flag.
    SCALAR(0),
    /// Vectors of 128 bits: SSE, NEON.
    V128(128),
    /// Vectors of 256 bits: AVX2.
    V256(256),
    /// Vectors of 512 bits: AVX-512.
    V512(512);

    private final int bits;

    Isa(int bits) {
        this.bits = bits;
    }

    /// {@return the vector width in bits, 0 for plain Java}
    public int bits() {
        return bits;
    }

    /// {@return the name that `-Dhalcyon.cpu.isa=` takes: `scalar`, `128`, `256` or `512`}
    public String label() {
        return this == SCALAR ? "scalar" : Integer.toString(bits);
    }

    /// {@return the variant with this label}
    ///
    /// @throws IllegalArgumentException if there is none
    public static Isa of(String label) {
        for (Isa isa : values()) {
            if (isa.label().equals(label.strip().toLowerCase(Locale.ROOT))) {
                return isa;
            }
        }
        throw new IllegalArgumentException(
                "halcyon.cpu.isa is \"" + label + "\"; it must be scalar, 128, 256, 512 or auto");
    }

    /// {@return the widest variant for a machine whose vectors have `vectorBits` bits}
    static Isa widest(int vectorBits) {
        Isa widest = SCALAR;
        for (Isa isa : values()) {
            if (isa.bits <= vectorBits) {
                widest = isa;
            }
        }
        return widest;
    }
}
