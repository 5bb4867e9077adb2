package dev.halcyon.backend.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.halcyon.backend.cpu.nativecode.NativeLevel;
import dev.halcyon.backend.cpu.nativecode.NativeLibrary;
import dev.halcyon.backend.cpu.nativecode.NativeSupport;

import org.junit.jupiter.api.Test;

/// What `-Dhalcyon.cpu.native` chooses.
class NativeChoiceTest {
    private static NativeChoice choose(Isa isa, String wanted) {
        return NativeChoice.of(new CpuSettings(isa.label(), 1, wanted), isa);
    }

    @Test
    void takesTheBestByDefault() {
        NativeChoice choice = choose(Isa.V512, "auto");
        switch (NativeLibrary.support()) {
            case NativeSupport.Present present -> {
                assertThat(choice.level()).isEqualTo(present.worthwhile());
                assertThat(choice.describe()).startsWith(present.worthwhile().label());
            }
            case NativeSupport.Absent absent -> {
                assertThat(choice.level()).isEqualTo(NativeLevel.NONE);
                assertThat(choice.describe()).contains(absent.detail());
            }
        }
    }

    @Test
    void leavesSlowDotProductsToJava() {
        NativeLevel dots = NativeLevel.AVX512_BF16;
        assertThat(new NativeSupport.Present(dots, true, "").worthwhile()).isEqualTo(dots);
        assertThat(new NativeSupport.Present(dots, false, "").worthwhile())
                .isEqualTo(NativeLevel.NONE);
        assertThat(new NativeSupport.Present(NativeLevel.AMX, false, "").worthwhile())
                .isEqualTo(NativeLevel.AMX);
    }

    @Test
    void isOffWhenSwitchedOffAndSaysSo() {
        NativeChoice choice = choose(Isa.V512, "false");
        assertThat(choice.level()).isEqualTo(NativeLevel.NONE);
        assertThat(choice.isUnwanted()).isFalse();
        assertThat(choice.describe()).contains("switched off");
    }

    @Test
    void isOffBesideNarrowerLoops() {
        assertThat(choose(Isa.V256, "auto").describe()).contains("512 bits");
        assertThatThrownBy(() -> choose(Isa.V256, "avx512bf16"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("halcyon.cpu.isa=512");
    }

    @Test
    void refusesALevelThatIsNotThere() {
        if (NativeLibrary.support() instanceof NativeSupport.Present present
                && present.best() == NativeLevel.AMX) {
            assertThat(choose(Isa.V512, "avx512bf16").level()).isEqualTo(NativeLevel.AVX512_BF16);
        } else {
            assertThatThrownBy(() -> choose(Isa.V512, "amx"))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("halcyon.cpu.native is amx");
        }
    }

    @Test
    void knowsItsNames() {
        assertThatThrownBy(() -> new CpuSettings("512", 1, "none"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("auto, false, avx512bf16 or amx");
    }
}
