package dev.halcyon.backend.ascend.acl;

/// The operators that kernels are composed of: library, version and parameters.
///
/// Each is two functions. The first, `NAMEGetWorkspaceSize`, takes the parameters, in the letters
/// of [Signature], and where to store the size of the workspace and the executor; the second,
/// `NAME`, is alike for all and runs the executor. They are a table and not methods because there
/// are so many of one form; a test compares them with the interface table of the emulator.
public enum Operator {
    /// `aclnnAdd`.
    ADD("aclnnAdd", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnInplaceAdd`.
    INPLACE_ADD("aclnnInplaceAdd", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnAdds`.
    ADDS("aclnnAdds", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnInplaceAdds`.
    INPLACE_ADDS("aclnnInplaceAdds", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnSub`.
    SUB("aclnnSub", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnInplaceSub`.
    INPLACE_SUB("aclnnInplaceSub", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnMul`.
    MUL("aclnnMul", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceMul`.
    INPLACE_MUL("aclnnInplaceMul", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnMuls`.
    MULS("aclnnMuls", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceMuls`.
    INPLACE_MULS("aclnnInplaceMuls", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnDiv`.
    DIV("aclnnDiv", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceDiv`.
    INPLACE_DIV("aclnnInplaceDiv", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnDivs`.
    DIVS("aclnnDivs", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceDivs`.
    INPLACE_DIVS("aclnnInplaceDivs", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnAddcmul`.
    ADDCMUL("aclnnAddcmul", Group.MATH, Since.CANN_8_1, "ppppp"),
    /// `aclnnInplaceAddcmul`.
    INPLACE_ADDCMUL("aclnnInplaceAddcmul", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnAddcdiv`.
    ADDCDIV("aclnnAddcdiv", Group.MATH, Since.CANN_8_1, "ppppp"),
    /// `aclnnInplaceAddcdiv`.
    INPLACE_ADDCDIV("aclnnInplaceAddcdiv", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnLerps`.
    LERPS("aclnnLerps", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnInplaceLerps`.
    INPLACE_LERPS("aclnnInplaceLerps", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnReduceSum`.
    REDUCE_SUM("aclnnReduceSum", Group.MATH, Since.CANN_8_1, "ppzip"),
    /// `aclnnReduceNansum`.
    REDUCE_NANSUM("aclnnReduceNansum", Group.MATH, Since.CANN_8_1, "ppzip"),
    /// `aclnnMean`.
    MEAN("aclnnMean", Group.MATH, Since.CANN_8_1, "ppzip"),
    /// `aclnnCast`.
    CAST("aclnnCast", Group.MATH, Since.CANN_8_1, "pip"),
    /// `aclnnPermute`.
    PERMUTE("aclnnPermute", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceCopy`.
    INPLACE_COPY("aclnnInplaceCopy", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnCat`.
    CAT("aclnnCat", Group.MATH, Since.CANN_8_1, "plp"),
    /// `aclnnExp`.
    EXP("aclnnExp", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnInplaceExp`.
    INPLACE_EXP("aclnnInplaceExp", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnSqrt`.
    SQRT("aclnnSqrt", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnInplaceSqrt`.
    INPLACE_SQRT("aclnnInplaceSqrt", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnRsqrt`.
    RSQRT("aclnnRsqrt", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnInplaceRsqrt`.
    INPLACE_RSQRT("aclnnInplaceRsqrt", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnTopk`.
    TOPK("aclnnTopk", Group.MATH, Since.CANN_8_1, "pllzzpp"),
    /// `aclnnArgsort`.
    ARGSORT("aclnnArgsort", Group.MATH, Since.CANN_8_1, "plzp"),
    /// `aclnnSort`.
    SORT("aclnnSort", Group.MATH, Since.CANN_8_1, "pzlzpp"),
    /// `aclnnInplaceMaskedFillScalar`.
    INPLACE_MASKED_FILL_SCALAR("aclnnInplaceMaskedFillScalar", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceFillScalar`.
    INPLACE_FILL_SCALAR("aclnnInplaceFillScalar", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnInplaceZero`.
    INPLACE_ZERO("aclnnInplaceZero", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnInplaceOne`.
    INPLACE_ONE("aclnnInplaceOne", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnArange`.
    ARANGE("aclnnArange", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnCumsum`.
    CUMSUM("aclnnCumsum", Group.MATH, Since.CANN_8_1, "plip"),
    /// `aclnnSWhere`.
    SWHERE("aclnnSWhere", Group.MATH, Since.CANN_8_1, "pppp"),
    /// `aclnnEqScalar`.
    EQ_SCALAR("aclnnEqScalar", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceEqScalar`.
    INPLACE_EQ_SCALAR("aclnnInplaceEqScalar", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnGtScalar`.
    GT_SCALAR("aclnnGtScalar", Group.MATH, Since.CANN_8_1, "ppp"),
    /// `aclnnInplaceGtScalar`.
    INPLACE_GT_SCALAR("aclnnInplaceGtScalar", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnTriu`.
    TRIU("aclnnTriu", Group.MATH, Since.CANN_8_1, "plp"),
    /// `aclnnInplaceTriu`.
    INPLACE_TRIU("aclnnInplaceTriu", Group.MATH, Since.CANN_8_1, "pl"),
    /// `aclnnTril`.
    TRIL("aclnnTril", Group.MATH, Since.CANN_8_1, "plp"),
    /// `aclnnInplaceTril`.
    INPLACE_TRIL("aclnnInplaceTril", Group.MATH, Since.CANN_8_1, "pl"),
    /// `aclnnIsFinite`.
    IS_FINITE("aclnnIsFinite", Group.MATH, Since.CANN_8_1, "pp"),
    /// `aclnnArgMax`.
    ARG_MAX("aclnnArgMax", Group.MATH, Since.CANN_8_1, "plzp"),
    /// `aclnnMaxDim`.
    MAX_DIM("aclnnMaxDim", Group.MATH, Since.CANN_8_1, "plzpp"),
    /// `aclnnAmax`.
    AMAX("aclnnAmax", Group.MATH, Since.CANN_8_1, "ppzp"),
    /// `aclnnNpuFormatCast`.
    NPU_FORMAT_CAST("aclnnNpuFormatCast", Group.MATH, Since.CANN_8_2, "pp"),
    /// `aclnnTransMatmulWeight`.
    TRANS_MATMUL_WEIGHT("aclnnTransMatmulWeight", Group.MATH, Since.CANN_8_1, "p"),
    /// `aclnnMatmul`.
    MATMUL("aclnnMatmul", Group.NN, Since.CANN_8_1, "pppb"),
    /// `aclnnMatmulWeightNz`.
    MATMUL_WEIGHT_NZ("aclnnMatmulWeightNz", Group.NN, Since.CANN_8_2, "pppb"),
    /// `aclnnMm`.
    MM("aclnnMm", Group.NN, Since.CANN_8_1, "pppb"),
    /// `aclnnBatchMatMul`.
    BATCH_MAT_MUL("aclnnBatchMatMul", Group.NN, Since.CANN_8_1, "pppb"),
    /// `aclnnAddmm`.
    ADDMM("aclnnAddmm", Group.NN, Since.CANN_8_1, "ppppppb"),
    /// `aclnnInplaceAddmm`.
    INPLACE_ADDMM("aclnnInplaceAddmm", Group.NN, Since.CANN_8_1, "pppppb"),
    /// `aclnnBaddbmm`.
    BADDBMM("aclnnBaddbmm", Group.NN, Since.CANN_8_1, "ppppppb"),
    /// `aclnnInplaceBaddbmm`.
    INPLACE_BADDBMM("aclnnInplaceBaddbmm", Group.NN, Since.CANN_8_1, "pppppb"),
    /// `aclnnSwiGlu`.
    SWI_GLU("aclnnSwiGlu", Group.NN, Since.CANN_8_1, "plp"),
    /// `aclnnSwiGluGrad`.
    SWI_GLU_GRAD("aclnnSwiGluGrad", Group.NN, Since.CANN_8_1, "pplp"),
    /// `aclnnSilu`.
    SILU("aclnnSilu", Group.NN, Since.CANN_8_1, "pp"),
    /// `aclnnSiluBackward`.
    SILU_BACKWARD("aclnnSiluBackward", Group.NN, Since.CANN_8_1, "ppp"),
    /// `aclnnRmsNorm`.
    RMS_NORM("aclnnRmsNorm", Group.NN, Since.CANN_8_1, "ppdpp"),
    /// `aclnnRmsNormGrad`.
    RMS_NORM_GRAD("aclnnRmsNormGrad", Group.NN, Since.CANN_8_1, "pppppp"),
    /// `aclnnAddRmsNorm`.
    ADD_RMS_NORM("aclnnAddRmsNorm", Group.NN, Since.CANN_8_1, "pppdppp"),
    /// `aclnnInplaceAddRmsNorm`.
    INPLACE_ADD_RMS_NORM("aclnnInplaceAddRmsNorm", Group.NN, Since.CANN_8_2, "pppdp"),
    /// `aclnnApplyAdamWV2`.
    APPLY_ADAM_WV2("aclnnApplyAdamWV2", Group.NN, Since.CANN_8_1, "ppppppfffffzz"),
    /// `aclnnNorm`.
    NORM("aclnnNorm", Group.NN, Since.CANN_8_1, "pppzp"),
    /// `aclnnSoftmax`.
    SOFTMAX("aclnnSoftmax", Group.NN, Since.CANN_8_1, "plp"),
    /// `aclnnLogSoftmax`.
    LOG_SOFTMAX("aclnnLogSoftmax", Group.NN, Since.CANN_8_1, "plp"),
    /// `aclnnSigmoid`.
    SIGMOID("aclnnSigmoid", Group.NN, Since.CANN_8_1, "pp"),
    /// `aclnnInplaceSigmoid`.
    INPLACE_SIGMOID("aclnnInplaceSigmoid", Group.NN, Since.CANN_8_1, "p"),
    /// `aclnnGather`.
    GATHER("aclnnGather", Group.NN, Since.CANN_8_1, "plpp"),
    /// `aclnnScatterAdd`.
    SCATTER_ADD("aclnnScatterAdd", Group.NN, Since.CANN_8_1, "plppp"),
    /// `aclnnIndexSelect`.
    INDEX_SELECT("aclnnIndexSelect", Group.NN, Since.CANN_8_1, "plpp"),
    /// `aclnnIndexAdd`.
    INDEX_ADD("aclnnIndexAdd", Group.NN, Since.CANN_8_1, "plpppp"),
    /// `aclnnIndexPutImpl`.
    INDEX_PUT_IMPL("aclnnIndexPutImpl", Group.NN, Since.CANN_8_1, "pppzz"),
    /// `aclnnEmbedding`.
    EMBEDDING("aclnnEmbedding", Group.NN, Since.CANN_8_1, "ppp"),
    /// `aclnnEmbeddingDenseBackward`.
    EMBEDDING_DENSE_BACKWARD("aclnnEmbeddingDenseBackward", Group.NN, Since.CANN_8_1, "ppllzp"),
    /// `aclnnCrossEntropyLoss`.
    CROSS_ENTROPY_LOSS("aclnnCrossEntropyLoss", Group.NN, Since.CANN_8_1, "pppplddzpppp"),
    /// `aclnnGroupedMatmulV4`.
    GROUPED_MATMUL_V4(
            "aclnnGroupedMatmulV4", Group.TRANSFORMER, Since.CANN_8_1, "ppppppppppppllllppp"),
    /// `aclnnGroupedMatmulV5`.
    GROUPED_MATMUL_V5(
            "aclnnGroupedMatmulV5", Group.TRANSFORMER, Since.CANN_8_2, "ppppppppppppllllpppp"),
    /// `aclnnGroupedMatmulAdd`.
    GROUPED_MATMUL_ADD("aclnnGroupedMatmulAdd", Group.TRANSFORMER, Since.CANN_8_1, "ppppzzl"),
    /// `aclnnGroupedMatmulAddV2`.
    GROUPED_MATMUL_ADD_V2("aclnnGroupedMatmulAddV2", Group.TRANSFORMER, Since.CANN_8_2, "ppppzzll"),
    /// `aclnnMoeGatingTopK`.
    MOE_GATING_TOP_K("aclnnMoeGatingTopK", Group.TRANSFORMER, Since.CANN_8_2, "ppllllllzddppp"),
    /// `aclnnMoeInitRoutingV2`.
    MOE_INIT_ROUTING_V2("aclnnMoeInitRoutingV2", Group.TRANSFORMER, Since.CANN_8_1, "pplllllzpppp"),
    /// `aclnnMoeInitRoutingV3`.
    MOE_INIT_ROUTING_V3(
            "aclnnMoeInitRoutingV3", Group.TRANSFORMER, Since.CANN_8_2, "pppplllllzlplpppp"),
    /// `aclnnMoeFinalizeRoutingV2`.
    MOE_FINALIZE_ROUTING_V2(
            "aclnnMoeFinalizeRoutingV2", Group.TRANSFORMER, Since.CANN_8_1, "ppppppplp"),
    /// `aclnnMoeTokenPermute`.
    MOE_TOKEN_PERMUTE("aclnnMoeTokenPermute", Group.TRANSFORMER, Since.CANN_8_1, "pplzpp"),
    /// `aclnnMoeTokenUnpermute`.
    MOE_TOKEN_UNPERMUTE("aclnnMoeTokenUnpermute", Group.TRANSFORMER, Since.CANN_8_1, "pppzpp"),
    /// `aclnnRotaryPositionEmbedding`.
    ROTARY_POSITION_EMBEDDING(
            "aclnnRotaryPositionEmbedding", Group.TRANSFORMER, Since.CANN_8_2, "ppplp"),
    /// `aclnnApplyRotaryPosEmb`.
    APPLY_ROTARY_POS_EMB("aclnnApplyRotaryPosEmb", Group.TRANSFORMER, Since.CANN_8_1, "ppppl"),
    /// `aclnnInterleaveRope`.
    INTERLEAVE_ROPE("aclnnInterleaveRope", Group.TRANSFORMER, Since.CANN_8_2, "pppp"),
    /// `aclnnKvRmsNormRopeCache`.
    KV_RMS_NORM_ROPE_CACHE(
            "aclnnKvRmsNormRopeCache", Group.TRANSFORMER, Since.CANN_8_2, "pppppppppppdpzpp"),
    /// `aclnnMlaProlog`.
    MLA_PROLOG("aclnnMlaProlog", Group.TRANSFORMER, Since.CANN_8_1, "pppppppppppppppppppddppp"),
    /// `aclnnMlaPrologV2WeightNz`.
    MLA_PROLOG_V2_WEIGHT_NZ(
            "aclnnMlaPrologV2WeightNz",
            Group.TRANSFORMER,
            Since.CANN_8_2,
            "pppppppppppppppppppddpppp"),
    /// `aclnnMlaPrologV3WeightNz`.
    MLA_PROLOG_V3_WEIGHT_NZ(
            "aclnnMlaPrologV3WeightNz",
            Group.TRANSFORMER,
            Since.CANN_8_2,
            "pppppppppppppppppppppddpllllllddppppp"),
    /// `aclnnFusedInferAttentionScoreV3`.
    FUSED_INFER_ATTENTION_SCORE_V3(
            "aclnnFusedInferAttentionScoreV3",
            Group.TRANSFORMER,
            Since.CANN_8_1,
            "pppppppppppppppppppppppppppldllplllllzllpp"),
    /// `aclnnFusedInferAttentionScoreV4`.
    FUSED_INFER_ATTENTION_SCORE_V4(
            "aclnnFusedInferAttentionScoreV4",
            Group.TRANSFORMER,
            Since.CANN_8_2,
            "pppppppppppppppppppppppppppppldllplllllzlllpp"),
    /// `aclnnFlashAttentionScore`.
    FLASH_ATTENTION_SCORE(
            "aclnnFlashAttentionScore", Group.TRANSFORMER, Since.CANN_8_1, "ppppppppddlllpllpppp"),
    /// `aclnnScatterPaKvCache`.
    SCATTER_PA_KV_CACHE("aclnnScatterPaKvCache", Group.TRANSFORMER, Since.CANN_8_2, "pppppppppppp");

    /// The library that has an operator; older versions of CANN have one for all.
    public enum Group {
        /// `libopapi_math.so`.
        MATH,
        /// `libopapi_nn.so`.
        NN,
        /// `libopapi_transformer.so`.
        TRANSFORMER
    }

    private final String symbol;
    private final Group group;
    private final Since since;
    private final String parameters;

    Operator(String symbol, Group group, Since since, String parameters) {
        this.symbol = symbol;
        this.group = group;
        this.since = since;
        this.parameters = parameters;
    }

    /// {@return the name of its second function}
    public String symbol() {
        return symbol;
    }

    /// {@return the library it belongs to}
    public Group group() {
        return group;
    }

    /// {@return the first version that has it}
    public Since since() {
        return since;
    }

    /// {@return the parameters of its first function, one letter each (`p` pointer, `l` 64-bit, `i`
    /// 32-bit, `b` 8-bit integer, `z` bool, `d` double, `f` float), without workspace size and
    /// executor}
    public String kinds() {
        return parameters;
    }

    /// {@return the type of its first function}
    String firstPhase() {
        return "i" + parameters + "pp";
    }
}
