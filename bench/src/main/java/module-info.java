/// The `halcyon` command line.
module dev.halcyon.bench {
    requires com.fasterxml.jackson.annotation;
    requires dev.halcyon.checkpoint;
    requires dev.halcyon.engine;
    requires dev.halcyon.hal;
    requires dev.halcyon.tck;
    requires info.picocli;
    requires java.management;
    requires jdk.incubator.vector;
    requires jdk.management;
    requires jmh.core;
    requires me.tongfei.progressbar;
    requires tools.jackson.databind;
    requires static org.jspecify;

    opens dev.halcyon.bench to
            info.picocli;
    opens dev.halcyon.bench.command to
            info.picocli;
    opens dev.halcyon.bench.peer to
            tools.jackson.databind;
    opens dev.halcyon.bench.problem to
            tools.jackson.databind;
    opens dev.halcyon.bench.result to
            tools.jackson.databind;
}
