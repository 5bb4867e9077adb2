package dev.halcyon.backend.ascend;

import dev.halcyon.backend.ascend.acl.Operator;
import dev.halcyon.backend.ascend.acl.ReturnCode;
import dev.halcyon.backend.ascend.operators.DeviceTask;
import dev.halcyon.backend.ascend.operators.Issuer;
import dev.halcyon.backend.ascend.operators.OperatorCall;

import java.lang.foreign.MemorySegment;

/// Asks CANN whether it would take an operator with certain arguments; nothing is queued.
///
/// @param device which device
record PhaseOne(AscendDevice device) {
    private static final int CALLS = 200;

    /// CANN's answer.
    private static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final int status;

        Refused(int status) {
            super(new ReturnCode(status).toString(), null, false, false);
            this.status = status;
        }
    }

    private static final class Question implements Issuer.Target {
        @Override
        public MemorySegment stream() {
            return MemorySegment.NULL;
        }

        @Override
        public long faultWord() {
            return 0;
        }

        @Override
        public long workspace(long bytes) {
            return 0;
        }

        @Override
        public void check(int status, DeviceTask task) {
            if (status != ReturnCode.SUCCESS) {
                throw new Refused(status);
            }
        }
    }

    /// {@return what CANN answers, in words}
    String ask(Operator operator, Object... arguments) {
        if (!device.platform().has(operator)) {
            return "absent: " + operator.symbol() + " needs " + operator.since().words();
        }
        device.context().makeCurrent();
        try {
            long bytes =
                    device.issuer()
                            .workspaceBytes(OperatorCall.of(operator, arguments), new Question());
            return "taken, workspace of " + bytes + " bytes";
        } catch (Refused no) {
            String text = device.context().runtime().recentError();
            return "refused, " + new ReturnCode(no.status) + (text.isEmpty() ? "" : ": " + text);
        }
    }

    /// {@return microseconds of one question that CANN has been asked before, executor and
    /// descriptors included}
    double microseconds(Operator operator, Object... arguments) {
        OperatorCall call = OperatorCall.of(operator, arguments);
        Question question = new Question();
        device.context().makeCurrent();
        long start = 0;
        for (int i = -CALLS; i < CALLS; i++) {
            if (i == 0) {
                start = System.nanoTime();
            }
            device.issuer().workspaceBytes(call, question);
        }
        return (System.nanoTime() - start) / 1e3 / CALLS;
    }
}
