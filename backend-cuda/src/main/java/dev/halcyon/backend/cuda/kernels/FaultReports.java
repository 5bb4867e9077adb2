package dev.halcyon.backend.cuda.kernels;

/// Reports of bad indices that move from the record of a graph to that of the stream that replayed
/// it.
public final class FaultReports {
    private FaultReports() {}

    /// {@return the move from the graph's record to the one of whoever submits}
    ///
    /// @param graph address of the graph's record, empty afterwards
    public static StreamAction merge(KernelFunctions functions, long graph) {
        return Params.of().faults().integer(graph).launch(functions, "merge_faults", 1, 1, 1)
                ::enqueue;
    }
}
