package dev.halcyon.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.bench.result.BenchFile;
import dev.halcyon.bench.result.Result;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.regex.Pattern;

final class ReportPageTest {
    private final String page = ReportPage.of(SampleFiles.two());

    @Test
    void needsNothingElse() {
        assertThat(page)
                .doesNotContain("<script")
                .doesNotContain("http://")
                .doesNotContain("https://");
        assertThat(Pattern.compile("(src|href)=\"(?!data:|#)").matcher(page).find()).isFalse();
        assertThat(page).doesNotContain("url(").doesNotContain("@import");
    }

    @Test
    void namesEveryRowAndEveryPeer() {
        for (BenchFile file : SampleFiles.two()) {
            for (Result row : file.results()) {
                assertThat(page).contains(row.title());
                row.peers().forEach(peer -> assertThat(page).contains(peer.name()));
            }
        }
    }

    @Test
    void escapesWhatOthersNamed() {
        assertThat(page)
                .contains(
                        "Example Processor 9000 with &lt;a long &amp; &quot;quoted&quot; name&gt;")
                .doesNotContain("<a long");
    }

    @Test
    void drawsARooflineForEveryDeviceThatIsReal() {
        assertThat(Pattern.compile("<svg").matcher(page).results().count()).isEqualTo(2);
    }

    @Test
    void saysWhatIsMissing() {
        assertThat(page).contains("out of time").contains("its result differs from ours by 0.3");
    }

    @Test
    void marksWhatDoesNotCount() {
        assertThat(page)
                .contains("emulated: the time means nothing")
                .contains("contended, others used 31");
    }

    @Test
    void isThereForNoRowsAtAll() {
        BenchFile empty =
                new BenchFile(SampleFiles.laptop().machine(), List.of(), List.of(), List.of());
        assertThat(ReportPage.of(List.of(empty))).contains("Another Processor");
    }

    @Test
    void holdsRowsAgainstTheTargets() {
        assertThat(page)
                .contains("<h2>Targets</h2>")
                .contains("70% / 85% of F32 peak")
                .contains("class=\"verdict missed\"");
    }

    @Test
    void showsEverybodyWhoRanACase() {
        assertThat(page).contains("class=\"bar ours\"").contains("class=\"bar theirs\"");
    }

    @Test
    void saysTheSameInMarkdown() {
        String text = ReportMarkdown.of(SampleFiles.two());
        assertThat(text)
                .contains("## Targets")
                .contains("## Rows")
                .contains("ascend:0 (emulated)")
                .contains("its result differs from ours by 0.3");
        for (BenchFile file : SampleFiles.two()) {
            for (Result row : file.results()) {
                assertThat(text).contains(row.title());
            }
        }
    }
}
