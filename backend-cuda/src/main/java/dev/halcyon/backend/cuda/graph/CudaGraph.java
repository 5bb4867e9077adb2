package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.StreamAction;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.spi.ArenaEpochs;
import dev.halcyon.hal.spi.BoundLaunch;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/// An executable graph of the driver.
public final class CudaGraph implements Graph {
    private final Device device;
    private final GraphRecording recording;
    private final long executable;
    private final StreamAction reportFaults;
    private final int size;
    private final int launchCount;
    private final boolean mayFault;
    private final AtomicBoolean inFlight = new AtomicBoolean();

    private CudaGraph(
            Device device, GraphRecording recording, long executable, StreamAction reportFaults) {
        this.device = device;
        this.recording = recording;
        this.executable = executable;
        this.reportFaults = reportFaults;
        this.size = recording.size();
        this.launchCount = recording.launchCount();
        this.mayFault = recording.mayFault();
    }

    /// {@return the graph of a recording}
    ///
    /// @param faults address of a fault record of the graph's own
    /// @param reportFaults adds that record to the one of the stream that replays
    public static CudaGraph capture(
            CudaDriver driver,
            GraphHome home,
            GraphRecording recording,
            long faults,
            StreamAction reportFaults) {
        return new CudaGraph(
                home.device(),
                recording,
                GraphCapture.capture(driver, home, recording, faults),
                reportFaults);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return size;
    }

    /// {@return the number of kernel launches}
    public int launchCount() {
        return launchCount;
    }

    /// {@return every arena it depends on}
    public ArenaEpochs arenas() {
        return recording.arenas();
    }

    /// {@return whether a launch may report bad indices}
    public boolean mayFault() {
        return mayFault;
    }

    @Override
    public boolean isAlive() {
        return recording.arenas().areCurrent();
    }

    /// Claims the graph and all its launches for one stream.
    ///
    /// @throws IllegalStateException if one of them is in flight already
    public void enter() {
        if (!inFlight.compareAndSet(false, true)) {
            throw new IllegalStateException(
                    "this graph is in flight on another stream; record one graph per stream");
        }
        List<BoundLaunch<CudaWork>> launches = recording.launches();
        int entered = 0;
        try {
            while (entered < launches.size()) {
                launches.get(entered).enter();
                entered++;
            }
        } catch (IllegalStateException elsewhere) {
            leave(entered);
            throw elsewhere;
        }
    }

    /// Gives them back.
    public void leave() {
        leave(recording.launches().size());
    }

    private void leave(int entered) {
        for (int i = 0; i < entered; i++) {
            recording.launches().get(i).leave();
        }
        inFlight.set(false);
    }

    /// Submits it.
    ///
    /// @param faults address of the stream's fault record
    public void enqueue(CudaDriver driver, long stream, long faults) {
        driver.launchGraph(executable, stream);
        if (mayFault) {
            reportFaults.enqueue(driver, stream, faults);
        }
    }

    /// Destroys it; no replay may be under way.
    public void destroy(CudaDriver driver) {
        driver.destroyExecutable(executable);
    }
}
