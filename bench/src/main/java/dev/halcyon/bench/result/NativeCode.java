package dev.halcyon.bench.result;

import com.fasterxml.jackson.annotation.JsonProperty;

/// Whether kernels of the host's processor use native code beside Java.
public enum NativeCode {
    /// They do.
    @JsonProperty("on")
    ON,
    /// They do not: it is switched off, or there is none for this machine.
    @JsonProperty("off")
    OFF,
    /// The row's kernel is the same Java either way.
    @JsonProperty("same")
    SAME;

    /// {@return whether a row stands for kernels with or without native code}
    public boolean standsFor(NativeCode wanted) {
        return this == wanted || this == SAME;
    }
}
