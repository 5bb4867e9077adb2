package dev.halcyon.backend.cpu.nativecode;

import java.util.Objects;

/// Whether native kernels can run in this JVM.
public sealed interface NativeSupport {
    /// They can.
    ///
    /// @param best the highest level that processor and operating system allow
    /// @param fastDots whether `vdpbf16ps` multiplies at least as many numbers in a time as F32
    ///   instructions do: on AMD's processors twice as many, on Intel's half
    /// @param origin where the library came from, for the reader
    record Present(NativeLevel best, boolean fastDots, String origin) implements NativeSupport {
        public Present {
            Objects.requireNonNull(best, "best");
        }

        /// {@return the level that is faster than Java's kernels, none if there is no such}
        public NativeLevel worthwhile() {
            return best == NativeLevel.AVX512_BF16 && !fastDots ? NativeLevel.NONE : best;
        }
    }

    /// They cannot.
    ///
    /// @param reason the kind of obstacle
    /// @param detail what was found
    /// @param remedy what the reader can do about it, empty if nothing
    record Absent(Reason reason, String detail, String remedy) implements NativeSupport {
        public Absent {
            Objects.requireNonNull(reason, "reason");
        }

        /// {@return detail and remedy in one line}
        public String describe() {
            return remedy.isEmpty() ? detail : detail + "; " + remedy;
        }
    }

    /// Why there are none.
    enum Reason {
        /// There are no native kernels for this operating system and architecture.
        NO_SUCH_PLATFORM,
        /// The library is neither on the class path nor on the module path.
        NOT_FOUND,
        /// The JVM does not allow native access.
        NATIVE_ACCESS_DENIED,
        /// The library is there and cannot be loaded.
        LOAD_ERROR,
        /// The library belongs to another version of the backend.
        VERSION_MISMATCH,
        /// The processor or the operating system lacks what every level needs.
        PROCESSOR_LACKS
    }
}
