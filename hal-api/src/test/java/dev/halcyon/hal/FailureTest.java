package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.halcyon.hal.error.BackendUnavailableException;
import dev.halcyon.hal.error.DeviceExecutionException;
import dev.halcyon.hal.error.DeviceLostException;
import dev.halcyon.hal.error.Failure;
import dev.halcyon.hal.error.HalException;
import dev.halcyon.hal.error.OutOfDeviceMemoryException;
import dev.halcyon.hal.error.ResourceExhaustedException;
import dev.halcyon.hal.error.StaleGraphException;
import dev.halcyon.hal.error.UnsupportedKernelException;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/// A device failure says what happened where, in the driver's words too, and what to do.
final class FailureTest {
    private static final Failure NATIVE =
            new Failure(
                    "cuda:0",
                    "submit MlaDecode",
                    "the kernel failed",
                    "700 CUDA_ERROR_ILLEGAL_ADDRESS",
                    "an illegal memory access was encountered",
                    "open the device again");

    @Test
    void theMessageHasEveryFact() {
        assertEquals(
                "cuda:0: submit MlaDecode: the kernel failed [700 CUDA_ERROR_ILLEGAL_ADDRESS] (an"
                        + " illegal memory access was encountered); open the device again",
                new DeviceLostException(NATIVE).getMessage());
        assertEquals(
                "cpu:0: plan Gemm: no; try this",
                new UnsupportedKernelException(Failure.of("cpu:0", "plan Gemm", "no", "try this"))
                        .getMessage());
    }

    @Test
    void everyMemberOfTheFamilyCarriesTheFactsAndTheCause() {
        Throwable cause = new IllegalStateException("first");
        List<HalException> family =
                List.of(
                        new BackendUnavailableException(NATIVE, cause),
                        new UnsupportedKernelException(NATIVE, cause),
                        new OutOfDeviceMemoryException(NATIVE, cause),
                        new ResourceExhaustedException(NATIVE, cause),
                        new DeviceExecutionException(NATIVE, cause),
                        new DeviceLostException(NATIVE, cause),
                        new StaleGraphException(NATIVE, cause));
        for (HalException exception : family) {
            assertSame(NATIVE, exception.failure());
            assertSame(cause, exception.getCause());
        }
        assertTrue(HalException.class.isSealed());
        assertEquals(
                Set.copyOf(Arrays.asList(HalException.class.getPermittedSubclasses())),
                family.stream().map(Object::getClass).collect(Collectors.toSet()));
    }
}
