package dev.halcyon.hal;

import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A call on a thread of its own that stops in the middle, so that a test can do something
/// meanwhile.
public final class InFlight implements AutoCloseable {
    private static final long TIMEOUT_SECONDS = 60;

    private final CountDownLatch arrived = new CountDownLatch(1);
    private final CountDownLatch released = new CountDownLatch(1);
    private FutureTask<?> call = new FutureTask<>(() -> null);

    /// Starts a call that will come to [#pause()], and waits until it is there.
    public InFlight start(Callable<?> what) {
        call = new FutureTask<>(what::call);
        Thread.ofPlatform().name("in-flight").daemon().start(call);
        await(arrived);
        return this;
    }

    /// Called by the work on its way: waits until the test lets it go on.
    public void pause() {
        arrived.countDown();
        await(released);
    }

    private static void await(CountDownLatch latch) {
        try {
            if (!latch.await(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
                throw new AssertionError("nobody came within " + TIMEOUT_SECONDS + " s");
            }
        } catch (InterruptedException interrupted) {
            throw new AssertionError(interrupted);
        }
    }

    /// {@return whether the call has ended}
    public boolean isOver() {
        return call.isDone();
    }

    /// Lets the call go on and waits for its end.
    ///
    /// @throws Throwable what the call threw
    public void finish() throws Throwable {
        released.countDown();
        try {
            call.get(TIMEOUT_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            throw failed.getCause();
        } catch (TimeoutException endless) {
            throw new AssertionError(
                    "the call has not ended within " + TIMEOUT_SECONDS + " s", endless);
        }
    }

    /// Lets the call go on, so that a failed test leaves no thread behind.
    @Override
    public void close() {
        released.countDown();
    }
}
