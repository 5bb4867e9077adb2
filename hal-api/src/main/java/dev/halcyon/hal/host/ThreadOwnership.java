package dev.halcyon.hal.host;

/// Notices two threads inside one object that belongs to one thread at a time, where the device was opened with thread
/// checks; handing the object over is legal, so ownership follows the last thread that used it undisturbed.
final class ThreadOwnership {
    private final String what;
    private final boolean enabled;
    private Thread owner = Thread.currentThread();

    ThreadOwnership(String what, boolean enabled) {
        this.what = what;
        this.enabled = enabled;
    }

    void check() {
        if (!enabled) {
            return;
        }
        Thread current = Thread.currentThread();
        synchronized (this) {
            if (owner != current && owner.isAlive() && owner.getState() == Thread.State.RUNNABLE) {
                throw new IllegalStateException(what + " belongs to thread \"" + owner.getName()
                        + "\", which is running, and was used by \"" + current.getName()
                        + "\"; hand it over with a happens-before edge, or give each thread its own");
            }
            owner = current;
        }
    }
}
