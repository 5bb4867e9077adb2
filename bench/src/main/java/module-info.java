/// The command line: doctor, run, verify, generate. Backends are found when it runs.
module dev.halcyon.bench {
    requires dev.halcyon.engine;
    requires dev.halcyon.tck;
    requires info.picocli;
    requires jdk.management;
    requires me.tongfei.progressbar;
    requires tools.jackson.databind;
    requires static jdk.incubator.vector;
    requires static org.jspecify;

    opens dev.halcyon.bench.command to
            info.picocli;
}
