package dev.halcyon.bench.run;

import dev.halcyon.hal.Device;

import java.util.List;

/// One part of the main job.
public interface Work {
    /// {@return its name, for the progress bar}
    String name();

    /// {@return its rows, after setting up, warming up, timing and checking}
    ///
    /// @param progress told what is going on
    List<Row> run(Device device, Progress progress);

    /// Receives a word about the present step.
    @FunctionalInterface
    interface Progress {
        /// Shows what is being done.
        void doing(String what);
    }
}
