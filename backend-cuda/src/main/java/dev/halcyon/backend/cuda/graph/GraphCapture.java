package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.driver.CudaDriverException;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.StreamAction;
import dev.halcyon.backend.cuda.kernels.StridedTransfers;
import dev.halcyon.hal.spi.GraphNode;
import dev.halcyon.hal.spi.GraphRecording;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/// Captures a recording: everything is prepared first, then submitted in one go to streams of its
/// own, in a capture that only this thread can spoil.
///
/// A branch has a stream that waits for the fork and that the fork's stream waits for.
final class GraphCapture {
    private sealed interface Step {
        record Act(StreamAction action) implements Step {}

        record Fork(List<List<Step>> branches) implements Step {}
    }

    private final CudaDriver driver;
    private final GraphHome home;
    private final long faults;
    private final List<Long> streams = new ArrayList<>();
    private final List<Long> events = new ArrayList<>();

    private GraphCapture(CudaDriver driver, GraphHome home, long faults) {
        this.driver = driver;
        this.home = home;
        this.faults = faults;
    }

    /// {@return the executable graph of a recording}
    ///
    /// @param faults address of the graph's fault record
    static long capture(
            CudaDriver driver, GraphHome home, GraphRecording<CudaWork> recording, long faults) {
        return new GraphCapture(driver, home, faults)
                .capture(recording.nodes(), recording.steps().size());
    }

    private long capture(List<GraphNode<CudaWork>> nodes, int size) {
        try {
            List<Step> steps = prepare(nodes);
            long stream = newStream();
            reserve(steps);
            long graph = collect(stream, steps);
            try {
                return home.spares().executable(driver, graph, size);
            } finally {
                driver.destroyGraph(graph);
            }
        } finally {
            streams.forEach(driver::destroyStream);
            events.forEach(driver::destroyEvent);
        }
    }

    private List<Step> prepare(List<GraphNode<CudaWork>> nodes) {
        return nodes.stream().map(this::prepare).toList();
    }

    private Step prepare(GraphNode<CudaWork> node) {
        return switch (node) {
            case GraphNode.Run<CudaWork> run -> new Step.Act(run.launch().work());
            case GraphNode.Copy<CudaWork> copy ->
                    new Step.Act(
                            StridedTransfers.copy(
                                    home.functions(), copy.destination(), copy.source()));
            case GraphNode.Fill<CudaWork> fill ->
                    new Step.Act(
                            StridedTransfers.fill(
                                    home.functions(), fill.destination(), fill.value()));
            case GraphNode.Fork<CudaWork> fork ->
                    new Step.Fork(fork.branches().stream().map(this::prepare).toList());
        };
    }

    private long newStream() {
        long stream = driver.createStream();
        streams.add(stream);
        return stream;
    }

    /// Nothing is created inside the capture: one event for the fork, and a stream and an event for
    /// every branch, in the order in which [Submission] takes them.
    private void reserve(List<Step> steps) {
        for (Step step : steps) {
            if (step instanceof Step.Fork fork) {
                events.add(driver.createEvent());
                for (List<Step> branch : fork.branches()) {
                    newStream();
                    events.add(driver.createEvent());
                    reserve(branch);
                }
            }
        }
    }

    private long collect(long stream, List<Step> steps) {
        driver.beginCapture(stream);
        try {
            new Submission(streams.listIterator(1), events.listIterator()).submit(stream, steps);
        } catch (CudaDriverException | Error failed) {
            endAfterFailure(stream, failed);
            throw failed;
        }
        return driver.endCapture(stream);
    }

    /// A capture has to be ended whatever happened in it, or the thread stays in it.
    private void endAfterFailure(long stream, Throwable first) {
        try {
            driver.destroyGraph(driver.endCapture(stream));
        } catch (CudaDriverException alsoFailed) {
            first.addSuppressed(alsoFailed);
        }
    }

    private final class Submission {
        private final Iterator<Long> branchStreams;
        private final Iterator<Long> marks;

        Submission(Iterator<Long> branchStreams, Iterator<Long> marks) {
            this.branchStreams = branchStreams;
            this.marks = marks;
        }

        void submit(long stream, List<Step> steps) {
            for (Step step : steps) {
                switch (step) {
                    case Step.Act act -> act.action().enqueue(driver, stream, faults);
                    case Step.Fork fork -> fork(stream, fork.branches());
                }
            }
        }

        private void fork(long stream, List<List<Step>> branches) {
            long begin = marks.next();
            driver.record(begin, stream);
            List<Long> ends = new ArrayList<>();
            for (List<Step> branch : branches) {
                long side = branchStreams.next();
                long end = marks.next();
                driver.waitFor(side, begin);
                submit(side, branch);
                driver.record(end, side);
                ends.add(end);
            }
            ends.forEach(end -> driver.waitFor(stream, end));
        }
    }
}
