package dev.halcyon.hal.spi;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.halcyon.hal.Expect;
import dev.halcyon.hal.InFlight;

import org.junit.jupiter.api.Test;

import java.util.concurrent.FutureTask;

/// Only calls that overlap are refused, and only where that is checked.
final class ThreadOwnershipTest {
    private static void enter(ThreadOwnership ownership, InFlight flight) {
        flight.start(
                () -> {
                    ownership.enter("outer");
                    flight.pause();
                    ownership.leave();
                    return null;
                });
    }

    @Test
    void overlappingCallsAreRefusedWhereThatIsChecked() throws Throwable {
        ThreadOwnership ownership = new ThreadOwnership("arena \"shared\"", true);
        try (InFlight flight = new InFlight()) {
            enter(ownership, flight);
            for (int i = 0; i < 2; i++) {
                Expect.thrown(
                        IllegalStateException.class,
                        () -> ownership.enter("reset"),
                        "reset on arena \"shared\" by thread \""
                                + Thread.currentThread().getName()
                                + "\"",
                        "\"in-flight\" is inside it",
                        "take turns");
            }
            flight.finish();
        }
        assertDoesNotThrow(() -> ownership.enter("reset"));
    }

    @Test
    void overlappingCallsAreTheCallersCareWhereItIsNot() throws Throwable {
        ThreadOwnership ownership = new ThreadOwnership("arena \"shared\"", false);
        try (InFlight flight = new InFlight()) {
            enter(ownership, flight);
            ownership.enter("reset");
            ownership.leave();
            flight.finish();
        }
    }

    @Test
    void aThreadMayComeAgainAndWaitsForOthersOnly() throws Throwable {
        ThreadOwnership ownership = new ThreadOwnership("stream \"mine\"", true);
        ownership.enter("run");
        ownership.enter("submit");
        ownership.awaitOthers();
        ownership.leave();
        ownership.leave();
        try (InFlight flight = new InFlight()) {
            enter(ownership, flight);
            FutureTask<Void> waiting = new FutureTask<>(ownership::awaitOthers, null);
            Thread.ofPlatform().start(waiting);
            Thread.sleep(20);
            assertFalse(waiting.isDone());
            flight.finish();
            waiting.get();
        }
    }
}
