package dev.halcyon.backend.cpu.nativecode;

import java.util.Locale;

/// Which native kernels run; a level includes those before it.
public enum NativeLevel {
    /// None: Java's kernels do everything.
    NONE("none"),
    /// AVX-512 with dot products of BF16 pairs, and byte permutations for decoding: Zen 4, Sapphire
    /// Rapids.
    AVX512_BF16("avx512bf16"),
    /// Products of BF16 tiles: Sapphire Rapids.
    AMX("amx");

    private final String label;

    NativeLevel(String label) {
        this.label = label;
    }

    /// {@return the name that `-Dhalcyon.cpu.native=` takes, and the last part of an
    /// implementation's name}
    public String label() {
        return label;
    }

    /// {@return whether any native kernel runs}
    public boolean isPresent() {
        return this != NONE;
    }

    /// {@return whether kernels of another level run as well}
    public boolean includes(NativeLevel other) {
        return compareTo(other) >= 0;
    }

    /// {@return the level with this label}
    ///
    /// @throws IllegalArgumentException if there is none, or it is [#NONE]
    public static NativeLevel of(String label) {
        for (NativeLevel level : values()) {
            if (level.isPresent() && level.label.equals(label.strip().toLowerCase(Locale.ROOT))) {
                return level;
            }
        }
        throw new IllegalArgumentException(
                "halcyon.cpu.native is \""
                        + label
                        + "\"; it must be auto, false, avx512bf16 or amx");
    }
}
