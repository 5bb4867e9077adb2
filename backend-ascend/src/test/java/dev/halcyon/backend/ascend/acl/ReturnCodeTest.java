package dev.halcyon.backend.ascend.acl;

import static org.assertj.core.api.Assertions.assertThat;

import dev.halcyon.backend.ascend.acl.ReturnCode.Group;

import org.junit.jupiter.api.Test;

/// Codes are named, and their groups decide what is thrown.
class ReturnCodeTest {
    @Test
    void namesCodes() {
        assertThat(new ReturnCode(0).toString()).isEqualTo("0 SUCCESS");
        assertThat(new ReturnCode(107002).toString()).isEqualTo("107002 CONTEXT_NULL");
        assertThat(new ReturnCode(561112).toString()).isEqualTo("561112 OPP_KERNEL_PKG_NOT_FOUND");
        assertThat(new ReturnCode(999999).toString()).isEqualTo("999999 unknown");
    }

    @Test
    void groupsCodes() {
        assertThat(new ReturnCode(207001).group()).isEqualTo(Group.MEMORY);
        assertThat(new ReturnCode(207008).group()).isEqualTo(Group.RESOURCE);
        assertThat(new ReturnCode(507015).group()).isEqualTo(Group.EXECUTION);
        assertThat(new ReturnCode(507010).group()).isEqualTo(Group.LOST);
        assertThat(new ReturnCode(107017).group()).isEqualTo(Group.USAGE);
        assertThat(new ReturnCode(161002).group()).isEqualTo(Group.OPERATOR);
        assertThat(new ReturnCode(561003).group()).isEqualTo(Group.OPERATOR);
    }

    @Test
    void everyRemedyIsSomething() {
        for (int code :
                new int[] {107002, 161002, 561003, 561107, 207001, 507015, 507010, 100000}) {
            assertThat(new ReturnCode(code).remedy()).isNotBlank();
        }
    }
}
