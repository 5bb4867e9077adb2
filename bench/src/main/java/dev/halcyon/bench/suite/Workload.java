package dev.halcyon.bench.suite;

import dev.halcyon.bench.problem.Problem;
import dev.halcyon.hal.Launch;
import dev.halcyon.hal.Support;

import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;

/// A problem set up on a device, ready to be run again and again.
///
/// @param problem what is computed
/// @param site where
/// @param support which implementation runs
/// @param launches one a copy of what is read; runs take them in turn
/// @param flops least operations of a run
/// @param bytes least bytes that a run moves
/// @param check compares samples of the first launch's result with the oracle
/// @param result runs the first launch and gives elements of its result by their position
/// @param note what a reader should know
record Workload(
        Problem problem,
        Site site,
        Support.Native support,
        List<Launch> launches,
        double flops,
        double bytes,
        Supplier<Accuracy> check,
        Function<long[], double[]> result,
        String note)
        implements AutoCloseable {
    Workload {
        launches = List.copyOf(launches);
    }

    /// Runs once and waits for the end.
    void run(int turn) {
        site.stream().submit(launches.get(turn % launches.size()));
        site.stream().synchronize();
    }

    @Override
    public void close() {
        site.close();
    }
}
