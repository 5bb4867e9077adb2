package dev.halcyon.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import org.junit.jupiter.api.Test;

final class MarkupTest {
    @Test
    void escapesTextAndAttributes() {
        String markup = new Markup().element("p", "1 < 2 & \"3\"", "title", "<\"&>").toString();
        assertThat(markup.strip())
                .isEqualTo("<p title=\"&lt;&quot;&amp;&gt;\">1 &lt; 2 &amp; &quot;3&quot;</p>");
    }

    @Test
    void refusesToLeaveAnElementOpen() {
        Markup markup = new Markup().begin("div").begin("p").end();
        assertThatIllegalStateException().isThrownBy(markup::toString).withMessageContaining("div");
    }
}
