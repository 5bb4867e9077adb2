package dev.halcyon.hal;

import java.util.Objects;

/// Which of a backend's implementations a plan uses.
///
/// @param name stable name within the backend, `gemm.panel`; the conformance report lists its cases
///   by this name
/// @param variant what it was compiled or specialised for: `avx512`, `scalar`, `sm_90a`
public record Implementation(String name, String variant) {
    public Implementation {
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(variant, "variant");
    }

    @Override
    public String toString() {
        return variant.isEmpty() ? name : name + "/" + variant;
    }
}
