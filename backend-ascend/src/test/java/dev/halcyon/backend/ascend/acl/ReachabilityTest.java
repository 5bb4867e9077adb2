package dev.halcyon.backend.ascend.acl;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// GraalVM native image has to be told every function type; the file that does so lists what the
/// bindings use, no more and no less.
class ReachabilityTest {
    private static final String FILE =
            "/META-INF/native-image/dev.halcyon/backend-ascend/reachability-metadata.json";

    @Test
    void everyFunctionTypeIsListed() throws IOException {
        List<String> letters = new ArrayList<>();
        letters.addAll(List.of("ppi", "p", "ppp", OperatorLibrary.SECOND_PHASE));
        Arrays.stream(RuntimeFunction.values()).map(RuntimeFunction::letters).forEach(letters::add);
        Arrays.stream(BaseFunction.values()).map(BaseFunction::letters).forEach(letters::add);
        Arrays.stream(Operator.values()).map(Operator::firstPhase).forEach(letters::add);
        List<String> wanted =
                Signature.distinct(letters).stream().map(Signature::metadata).toList();
        try (InputStream file = ReachabilityTest.class.getResourceAsStream(FILE)) {
            assertThat(file).isNotNull();
            List<String> listed =
                    new String(file.readAllBytes(), StandardCharsets.UTF_8)
                            .lines()
                            .map(line -> line.strip().replaceAll(",$", ""))
                            .filter(line -> line.startsWith("{\"returnType\""))
                            .toList();
            assertThat(listed).containsExactlyInAnyOrderElementsOf(wanted);
        }
    }
}
