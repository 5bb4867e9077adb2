package dev.halcyon.backend.cuda.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.halcyon.backend.cuda.StubLibrary;
import dev.halcyon.backend.cuda.blas.BlasLt;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// GraalVM native image has to be told every function type; the file that does so lists what the
/// bindings use, no more and no less.
class ReachabilityTest {
    private static final String FILE =
            "/META-INF/native-image/dev.halcyon/backend-cuda/reachability-metadata.json";

    @Test
    void everyFunctionTypeIsListed() throws IOException {
        bindEverything();
        Set<String> wanted =
                Downcalls.types().stream()
                        .map(ReachabilityTest::entry)
                        .collect(Collectors.toCollection(TreeSet::new));
        try (InputStream file = ReachabilityTest.class.getResourceAsStream(FILE)) {
            assertNotNull(file, FILE);
            Set<String> listed =
                    new String(file.readAllBytes(), StandardCharsets.UTF_8)
                            .lines()
                            .map(line -> line.strip().replaceAll(",$", ""))
                            .filter(line -> line.startsWith("{\"returnType\""))
                            .collect(Collectors.toCollection(TreeSet::new));
            assertEquals(String.join(",\n", wanted), String.join(",\n", listed));
        }
    }

    private static void bindEverything() {
        StubLibrary stub = StubLibrary.orSkip();
        stub.reset();
        assertEquals(0, new FfmDriverQuery(stub.library()).init());
        CudaDriver driver = new FfmDriver(stub.library());
        driver.init();
        driver.setCurrent(driver.retainPrimaryContext(0));
        JCudaLoading.load(stub.library());
        String blas = StubLibrary.blasOrSkip().toString();
        new BlasLt(DynamicLibrary.open(blas).library().orElseThrow()).close();
        driver.releasePrimaryContext(0);
    }

    private static String entry(FunctionDescriptor type) {
        return "{\"returnType\": \""
                + type.returnLayout().map(ReachabilityTest::name).orElse("void")
                + "\", \"parameterTypes\": ["
                + type.argumentLayouts().stream()
                        .map(layout -> "\"" + name(layout) + "\"")
                        .collect(Collectors.joining(", "))
                + "]}";
    }

    private static String name(MemoryLayout layout) {
        String carrier = ((ValueLayout) layout).carrier().getSimpleName();
        return carrier.equals("MemorySegment") ? "void*" : "j" + carrier;
    }
}
