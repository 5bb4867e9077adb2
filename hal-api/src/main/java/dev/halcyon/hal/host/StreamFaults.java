package dev.halcyon.hal.host;

/// The fault word of a stream: how many bad indices kernels met, and the first of them.
final class StreamFaults implements FaultSink {
    private final HostDevice device;
    private volatile long count;
    private String first = "";

    StreamFaults(HostDevice device) {
        this.device = device;
    }

    @Override
    public synchronized void report(String operand, long position, long index, long bound) {
        if (count == 0) {
            first = operand + "[" + position + "] is " + index + ", outside 0 to " + (bound - 1);
        }
        count = count + 1;
        device.countFault();
    }

    boolean any() {
        return count > 0;
    }

    synchronized String describe() {
        return count + (count == 1 ? " bad index: " : " bad indices, the first: ") + first;
    }
}
