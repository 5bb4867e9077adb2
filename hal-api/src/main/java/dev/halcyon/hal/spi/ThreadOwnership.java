package dev.halcyon.hal.spi;

import org.jspecify.annotations.Nullable;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// Counts the calls inside an object that belongs to one thread at a time, so that closing it can
/// wait for them, and where the device was opened with thread checks refuses a call while another
/// thread is inside.
///
/// Handing the object over is legal and needs no announcement; only calls that overlap are a
/// mistake.
public final class ThreadOwnership {
    private static final long POLL_NANOS = 50_000;

    private final String what;
    private final boolean checked;
    private final AtomicInteger inside = new AtomicInteger();
    private volatile @Nullable Thread user;

    /// Makes the guard of one object.
    ///
    /// @param what the object, for messages
    /// @param checked whether overlapping calls are refused
    public ThreadOwnership(String what, boolean checked) {
        this.what = what;
        this.checked = checked;
    }

    /// Begins a call, which [#leave()] must end.
    ///
    /// @throws IllegalStateException if another thread is inside and that is checked
    public void enter(String operation) {
        Thread current = Thread.currentThread();
        if (inside.getAndIncrement() > 0 && checked) {
            Thread other = user;
            if (other != current) {
                inside.getAndDecrement();
                throw new IllegalStateException(
                        operation
                                + " on "
                                + what
                                + " by thread \""
                                + current.getName()
                                + "\" while thread "
                                + (other == null ? "?" : "\"" + other.getName() + "\"")
                                + " is inside it; it belongs to one thread at a time, so give each"
                                + " its own or take turns");
            }
        }
        user = current;
    }

    /// Ends a call.
    public void leave() {
        inside.getAndDecrement();
    }

    /// Waits until no other thread is inside.
    public void awaitOthers() {
        while (inside.get() > 0 && user != Thread.currentThread()) {
            LockSupport.parkNanos(this, POLL_NANOS);
        }
    }
}
