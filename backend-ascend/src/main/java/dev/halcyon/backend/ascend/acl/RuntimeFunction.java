package dev.halcyon.backend.ascend.acl;

/// The functions of the ACL runtime (`libacl_rt.so`, in older versions `libascendcl.so`) that
/// [AclRuntime] binds, with their types in the letters of [Signature].
///
/// A test compares them with the interface table of the emulator.
enum RuntimeFunction {
    INIT("aclInit", "ip"),
    GET_VERSION("aclrtGetVersion", "ippp"),
    GET_RECENT_ERROR("aclGetRecentErrMsg", "p"),
    GET_DEVICE_COUNT("aclrtGetDeviceCount", "ip"),
    SET_DEVICE("aclrtSetDevice", "ii"),
    RESET_DEVICE("aclrtResetDevice", "ii"),
    GET_SOC_NAME("aclrtGetSocName", "p"),
    SET_CURRENT_CONTEXT("aclrtSetCurrentContext", "ip"),
    GET_CURRENT_CONTEXT("aclrtGetCurrentContext", "ip"),
    SET_SYSTEM_OPTION("aclrtCtxSetSysParamOpt", "iil"),
    GET_MEMORY_INFO("aclrtGetMemInfo", "iipp"),
    MALLOC("aclrtMalloc", "ipli"),
    FREE("aclrtFree", "ip"),
    MALLOC_HOST("aclrtMallocHost", "ipl"),
    FREE_HOST("aclrtFreeHost", "ip"),
    MEMCPY("aclrtMemcpy", "iplpli"),
    MEMCPY_ASYNC("aclrtMemcpyAsync", "iplplip"),
    MEMSET_ASYNC("aclrtMemsetAsync", "iplilp"),
    CREATE_STREAM("aclrtCreateStreamWithConfig", "ipii"),
    DESTROY_STREAM("aclrtDestroyStream", "ip"),
    SYNCHRONIZE_STREAM("aclrtSynchronizeStream", "ip"),
    CREATE_EVENT("aclrtCreateEventExWithFlag", "ipi"),
    DESTROY_EVENT("aclrtDestroyEvent", "ip"),
    RECORD_EVENT("aclrtRecordEvent", "ipp"),
    QUERY_EVENT_STATUS("aclrtQueryEventStatus", "ipp"),
    SYNCHRONIZE_EVENT("aclrtSynchronizeEventWithTimeout", "ipi"),
    STREAM_WAIT_EVENT("aclrtStreamWaitEvent", "ipp"),
    CAPTURE_BEGIN("aclmdlRICaptureBegin", "ipi"),
    CAPTURE_END("aclmdlRICaptureEnd", "ipp"),
    CAPTURE_GROUP_BEGIN("aclmdlRICaptureTaskGrpBegin", "ip"),
    CAPTURE_GROUP_END("aclmdlRICaptureTaskGrpEnd", "ipp"),
    UPDATE_BEGIN("aclmdlRICaptureTaskUpdateBegin", "ipp"),
    UPDATE_END("aclmdlRICaptureTaskUpdateEnd", "ip"),
    EXECUTE_GRAPH("aclmdlRIExecuteAsync", "ipp"),
    DESTROY_GRAPH("aclmdlRIDestroy", "ip");

    private final String symbol;
    private final String letters;

    RuntimeFunction(String symbol, String letters) {
        this.symbol = symbol;
        this.letters = letters;
    }

    String symbol() {
        return symbol;
    }

    String letters() {
        return letters;
    }
}
