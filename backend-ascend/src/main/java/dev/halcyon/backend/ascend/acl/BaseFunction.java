package dev.halcyon.backend.ascend.acl;

/// The functions of `libnnopbase.so` that [OperatorObjects] binds, with their types in the letters
/// of [Signature].
enum BaseFunction {
    CREATE_TENSOR("aclCreateTensor", "pplipliplp"),
    DESTROY_TENSOR("aclDestroyTensor", "ip"),
    CREATE_SCALAR("aclCreateScalar", "ppi"),
    DESTROY_SCALAR("aclDestroyScalar", "ip"),
    CREATE_INT_ARRAY("aclCreateIntArray", "ppl"),
    DESTROY_INT_ARRAY("aclDestroyIntArray", "ip"),
    CREATE_TENSOR_LIST("aclCreateTensorList", "ppl"),
    DESTROY_TENSOR_LIST("aclDestroyTensorList", "ip"),
    DESTROY_EXECUTOR("aclDestroyAclOpExecutor", "ip");

    private final String symbol;
    private final String letters;

    BaseFunction(String symbol, String letters) {
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
