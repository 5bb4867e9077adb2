package dev.halcyon.hal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

/// Options are values, and read system properties once.
final class DeviceOptionsTest {
    @Test
    void defaultsTraceAndCheckNothing() {
        DeviceOptions options = DeviceOptions.defaults();
        assertFalse(options.traceAllocations());
        assertFalse(options.checkThreads());
        assertEquals(DeviceOptions.DEFAULT_PLAN_CACHE_SIZE, options.planCacheSize());
    }

    @Test
    void eachChangeLeavesTheRest() {
        DeviceOptions options =
                DeviceOptions.defaults()
                        .withProperty("halcyon.cpu.threads", "2")
                        .withPlanCacheSize(3)
                        .withTracing();
        assertTrue(options.traceAllocations() && options.checkThreads());
        assertEquals(3, options.planCacheSize());
        assertEquals("2", options.properties().get("halcyon.cpu.threads"));
        assertEquals(
                "4",
                options.withProperty("halcyon.cpu.threads", "4")
                        .properties()
                        .get("halcyon.cpu.threads"));
        assertEquals("2", options.properties().get("halcyon.cpu.threads"));
    }

    @Test
    void aPlanCacheHoldsAtLeastOnePlan() {
        Expect.thrown(
                IllegalArgumentException.class,
                () -> DeviceOptions.defaults().withPlanCacheSize(0),
                "planCacheSize",
                "0");
    }

    @Test
    void systemPropertiesOfTheNameBecomeSettings() {
        System.setProperty("halcyon.test.setting", "7");
        System.setProperty("halcyon.trace", "true");
        try {
            DeviceOptions options = DeviceOptions.fromSystemProperties();
            assertEquals("7", options.properties().get("halcyon.test.setting"));
            assertFalse(options.properties().containsKey("java.version"));
            assertTrue(options.traceAllocations() && options.checkThreads());
        } finally {
            System.clearProperty("halcyon.test.setting");
            System.clearProperty("halcyon.trace");
        }
        assertFalse(DeviceOptions.fromSystemProperties().traceAllocations());
    }
}
