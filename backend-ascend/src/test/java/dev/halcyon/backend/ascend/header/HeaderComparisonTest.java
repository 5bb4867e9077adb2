package dev.halcyon.backend.ascend.header;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// Headers are read in the forms they come in, and what they say otherwise than the table is found.
class HeaderComparisonTest {
    private static final InterfaceTable TABLE =
            InterfaceTable.of(
                    List.of(
                            "acl 8.1 int32_t aclrtPaint(void *wall, size_t area, int32_t colour)",
                            "acl 8.1 const char *aclPaintName(int32_t colour)",
                            "acl head int32_t aclrtUnpaint(void *wall)"),
                    List.of("aclnnMix | math | 8.1 |  | T self BF16, i64 times, f64 share, oT out"),
                    List.of(
                            "enum aclPaint RED 0 8.1",
                            "enum aclPaint DARK_RED 7 8.1",
                            "enum aclPaint BLUE 8 8.1",
                            "flag ACL_BRUSH WIDE 4 8.1",
                            "size aclCan - 24 8.1"));

    private static final String AGREEING =
            """
            /* A made-up library, int32_t aclrtPaint(void); is not a declaration here. */
            #define ACL_BRUSH_WIDE 0x00000004U
            #define ACL_EXPORT __attribute__((visibility("default")))
            typedef void *aclWall; // int aclrtPaint(int);
            typedef int aclStatus;
            typedef enum aclPaintKind {
                ACL_RED = 0,
                ACL_DARK_RED = ACL_SHADE,
                ACL_BLUE,
            } aclPaint;
            static const int ACL_SHADE = 7;
            ACL_EXPORT aclStatus aclrtPaint(aclWall wall,
                                            size_t area, aclPaint colour);
            const char *aclPaintName(aclPaint colour);
            """;

    private static final String OPERATOR =
            """
            ACL_EXPORT aclnnStatus aclnnMixGetWorkspaceSize(const aclTensor *self, int64_t times,
                double share, aclTensor *out, uint64_t *workspaceSize, aclOpExecutor **executor);
            ACL_EXPORT aclnnStatus aclnnMix(void *workspace, uint64_t workspaceSize,
                aclOpExecutor *executor, aclrtStream stream);
            """;

    private static final String TYPES =
            """
            typedef int32_t aclnnStatus;
            typedef void *aclrtStream;
            """;

    @TempDir private Path folder;

    private HeaderComparison compare(String base, String operator) throws IOException {
        Files.writeString(folder.resolve("paint.h"), base);
        Path inner = Files.createDirectories(folder.resolve("inner"));
        Files.writeString(inner.resolve("mix.h"), TYPES + operator);
        Files.writeString(folder.resolve("paint.txt"), "int aclrtUnpaint(int wrong);");
        return HeaderComparison.of(TABLE, HeaderFiles.under(folder));
    }

    @Test
    void findsNothingWhereHeadersAgree() throws IOException {
        HeaderComparison result = compare(AGREEING, OPERATOR);
        assertThat(result.differences()).isEmpty();
        assertThat(result.agreed()).isEqualTo(8);
        assertThat(result.absent()).containsExactly("aclrtUnpaint");
    }

    @Test
    void findsWhatIsDifferent() throws IOException {
        String base =
                AGREEING.replace("size_t area", "uint32_t area")
                        .replace("ACL_RED = 0", "ACL_RED = 1")
                        .replace("0x00000004U", "8");
        HeaderComparison result = compare(base, OPERATOR.replace("double", "float"));
        assertThat(result.differences())
                .containsExactlyInAnyOrder(
                        "aclrtPaint has the type ipii, tabled as ipli",
                        "aclnnMixGetWorkspaceSize has the type iplfppp, tabled as ipldppp",
                        "aclPaint RED is 1, tabled as 0",
                        "ACL_BRUSH WIDE is 8, tabled as 4");
    }

    @Test
    void namesATypeThatItDoesNotKnow() throws IOException {
        HeaderComparison result = compare(AGREEING, OPERATOR.replace("int64_t times", "Times t"));
        assertThat(result.differences()).singleElement().asString().contains("ip?dppp");
    }

    @Test
    void readsTheCommittedTable() {
        InterfaceTable table = InterfaceTable.read();
        assertThat(table.functions().get("aclrtMalloc").letters()).isEqualTo("ipli");
        assertThat(table.functions().get("aclnnMmGetWorkspaceSize").letters()).isEqualTo("ipppbpp");
        assertThat(table.functions().values())
                .allSatisfy(function -> assertThat(function.letters()).doesNotContain("?"));
        assertThat(table.constants()).hasSizeGreaterThan(90);
    }
}
