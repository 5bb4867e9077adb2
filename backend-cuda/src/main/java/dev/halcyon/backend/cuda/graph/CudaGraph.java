package dev.halcyon.backend.cuda.graph;

import dev.halcyon.backend.cuda.driver.CudaDriver;
import dev.halcyon.backend.cuda.kernels.CudaWork;
import dev.halcyon.backend.cuda.kernels.StreamAction;
import dev.halcyon.hal.Device;
import dev.halcyon.hal.Graph;
import dev.halcyon.hal.spi.GraphRecording;

/// An executable graph of the driver.
public final class CudaGraph implements Graph {
    private final Device device;
    private final GraphRecording<CudaWork> recording;
    private final long executable;
    private final SpareExecutables spares;
    private final StreamAction reportFaults;
    private final boolean mayFault;

    private CudaGraph(
            Device device,
            GraphRecording<CudaWork> recording,
            long executable,
            SpareExecutables spares,
            StreamAction reportFaults) {
        this.device = device;
        this.spares = spares;
        this.recording = recording;
        this.executable = executable;
        this.reportFaults = reportFaults;
        this.mayFault = mayFault(recording);
    }

    /// {@return the graph of a recording}
    ///
    /// @param faults address of a fault record of the graph's own
    /// @param reportFaults adds that record to the one of the stream that replays
    public static CudaGraph capture(
            CudaDriver driver,
            GraphHome home,
            GraphRecording<CudaWork> recording,
            long faults,
            StreamAction reportFaults) {
        return new CudaGraph(
                home.device(),
                recording,
                GraphCapture.capture(driver, home, recording, faults),
                home.spares(),
                reportFaults);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public int size() {
        return recording.steps().size();
    }

    /// {@return what was recorded, and its claim by a stream}
    public GraphRecording<CudaWork> recording() {
        return recording;
    }

    /// {@return whether a launch of a recording may report bad indices}
    public static boolean mayFault(GraphRecording<CudaWork> recording) {
        return recording.launches().stream().anyMatch(launch -> launch.work().mayFault());
    }

    /// {@return whether a launch may report bad indices}
    public boolean mayFault() {
        return mayFault;
    }

    @Override
    public boolean isAlive() {
        return recording.arenas().areCurrent();
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

    /// Leaves what the driver made of it to a later graph; no replay may be under way.
    public void retire(CudaDriver driver) {
        spares.give(driver, executable, size());
    }
}
