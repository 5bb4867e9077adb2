/// Halcyon's API: devices, memory, kernels and the parts that backends are built from.
module dev.halcyon.hal {
    requires jdk.jfr;
    requires static org.jspecify;

    exports dev.halcyon.hal;
    exports dev.halcyon.hal.error;
    exports dev.halcyon.hal.event;
    exports dev.halcyon.hal.host;
    exports dev.halcyon.hal.kernel;
    exports dev.halcyon.hal.kernel.attention;
    exports dev.halcyon.hal.kernel.elementwise;
    exports dev.halcyon.hal.kernel.linear;
    exports dev.halcyon.hal.kernel.moe;
    exports dev.halcyon.hal.kernel.norm;
    exports dev.halcyon.hal.kernel.optimizer;
    exports dev.halcyon.hal.kernel.token;
    exports dev.halcyon.hal.memory;
    exports dev.halcyon.hal.spi;

    uses dev.halcyon.hal.BackendProvider;
}
