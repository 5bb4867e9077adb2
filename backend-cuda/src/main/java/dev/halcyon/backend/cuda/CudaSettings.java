package dev.halcyon.backend.cuda;

import dev.halcyon.hal.DeviceOptions;

import java.util.Locale;
import java.util.Map;

/// What the `halcyon.cuda*` properties ask for.
///
/// | property | values | default |
/// |---|---|---|
/// | `halcyon.cuda` | `on`, `off` | neither: used by who names it, passed over by `auto` |
/// | `halcyon.cuda.library` | path or name of libcuda.so.1 | the usual places |
/// | `halcyon.cuda.bindings` | `auto`, `jcuda`, `ffm` | `auto`: JCuda where it loads |
/// | `halcyon.cuda.cublaslt` | `auto`, `off`, path or name of libcublasLt | `auto`: where the loader or /usr/local/cuda has one |
///
/// @param mode to whom devices are offered
/// @param library the driver library; empty to search
/// @param bindings which bindings to take
/// @param cublasLt which library for products
record CudaSettings(Mode mode, String library, Bindings bindings, String cublasLt) {
    /// To whom devices are offered.
    enum Mode {
        /// Nobody decided: whoever names a device gets it, and `auto` passes it over, because no
        /// kernel of this backend has been tested on a GPU yet.
        UNDECIDED,
        /// Devices are offered to `auto` too.
        ON,
        /// The driver is not even looked for.
        OFF
    }

    /// Which bindings to the driver to take.
    enum Bindings {
        /// JCuda where it loads, else FFM.
        AUTO,
        /// JCuda or nothing.
        JCUDA,
        /// FFM alone.
        FFM
    }

    /// {@return what the properties of the options say}
    ///
    /// @throws IllegalArgumentException naming the property, its value and the values it takes
    static CudaSettings of(DeviceOptions options) {
        Map<String, String> properties = options.properties();
        String mode = properties.getOrDefault("halcyon.cuda", "");
        String bindings = properties.getOrDefault("halcyon.cuda.bindings", "auto");
        return new CudaSettings(
                switch (mode) {
                    case "" -> Mode.UNDECIDED;
                    case "on" -> Mode.ON;
                    case "off" -> Mode.OFF;
                    default ->
                            throw new IllegalArgumentException(
                                    "halcyon.cuda is \"" + mode + "\"; it takes on and off");
                },
                properties.getOrDefault("halcyon.cuda.library", ""),
                switch (bindings) {
                    case "auto", "jcuda", "ffm" ->
                            Bindings.valueOf(bindings.toUpperCase(Locale.ROOT));
                    default ->
                            throw new IllegalArgumentException(
                                    "halcyon.cuda.bindings is \""
                                            + bindings
                                            + "\"; it takes auto, jcuda and ffm");
                },
                properties.getOrDefault("halcyon.cuda.cublaslt", "auto"));
    }
}
