package dev.halcyon.backend.ascend.acl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.header.InterfaceTable;
import dev.halcyon.backend.ascend.header.InterfaceTable.Constant;

import org.junit.jupiter.api.Test;

import java.util.List;

/// The numbers in Java are those of the committed table.
class ConstantTableTest {
    private static final List<Constant> TABLE = InterfaceTable.read().constants();

    private static long tabled(String kind, String type, String name) {
        return TABLE.stream()
                .filter(one -> one.kind().equals(kind))
                .filter(one -> one.type().equals(type) && one.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no " + kind + " " + type + " " + name))
                .value();
    }

    @Test
    void elementTypes() {
        for (AclDataType type : AclDataType.values()) {
            assertThat(type.value())
                    .as("%s", type)
                    .isEqualTo((int) tabled("enum", "aclDataType", type.name()));
        }
    }

    @Test
    void formats() {
        for (AclFormat format : AclFormat.values()) {
            assertThat(format.value())
                    .as("%s", format)
                    .isEqualTo((int) tabled("enum", "aclFormat", format.name()));
        }
    }

    @Test
    void directionsOfCopies() {
        for (MemcpyKind kind : MemcpyKind.values()) {
            assertThat(kind.value())
                    .as("%s", kind)
                    .isEqualTo((int) tabled("enum", "aclrtMemcpyKind", kind.name()));
        }
    }

    @Test
    void modesOfCapture() {
        for (CaptureMode mode : CaptureMode.values()) {
            assertThat(mode.value())
                    .as("%s", mode)
                    .isEqualTo((int) tabled("enum", "aclmdlRICaptureMode", mode.name()));
        }
    }

    @Test
    void flagsAndOptions() {
        assertThat(AclRuntime.HUGE_PAGES_FIRST)
                .isEqualTo((int) tabled("enum", "aclrtMemMallocPolicy", "HUGE_FIRST"));
        assertThat(AclRuntime.FAST_LAUNCH_AND_SYNC)
                .isEqualTo(
                        (int)
                                (tabled("flag", "ACL_STREAM", "FAST_LAUNCH")
                                        | tabled("flag", "ACL_STREAM", "FAST_SYNC")));
        assertThat(AclRuntime.EVENT_SYNC).isEqualTo((int) tabled("flag", "ACL_EVENT", "SYNC"));
        assertThat(AclRuntime.MEMORY_HBM)
                .isEqualTo((int) tabled("enum", "aclrtMemAttr", "HBM_MEM"));
        assertThat(AclRuntime.OPTION_DETERMINISTIC)
                .isEqualTo((int) tabled("enum", "aclSysParamOpt", "DETERMINISTIC"));
        assertThat(AclRuntime.EVENT_RECORDED)
                .isEqualTo((int) tabled("enum", "aclrtEventRecordedStatus", "COMPLETE"));
    }

    @Test
    void sizesOfWhatCallsCarry() {
        assertThat(bytes('p')).isEqualTo(tabled("size", "pointer", "-"));
        assertThat(bytes('i')).isEqualTo(tabled("size", "enum", "-"));
        assertThat(bytes('i')).isEqualTo(tabled("size", "aclError", "-"));
        assertThat(bytes('l')).isEqualTo(tabled("size", "size_t", "-"));
        assertThat(bytes('z')).isEqualTo(tabled("size", "bool", "-"));
        assertThat(bytes('s')).isEqualTo(tabled("size", "aclFloat16", "-"));
    }

    private static long bytes(char letter) {
        return Signature.descriptor("v" + letter).argumentLayouts().getFirst().byteSize();
    }
}
